#!/usr/bin/python3
"""What a process has mapped as sections, and what of it is resident, is never more than the budget and a
section: looked at from outside, while 1, 2 and 8 threads read."""
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from kit import BUILD, K, M, check, done, environment, make_file, path

SECTION, POOL, SAMPLES = 64 * K, 2 * M, 50
NAME = make_file(path("load.matched"), 32 * M)


def stopped(pid):
    """Every thread of it stands still, so that what is seen was all there at one time."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as f:
            if f.read().rsplit(") ", 1)[1][0] not in "Tt":
                return False
    return True


def sample(process):
    """(address space, resident memory) of the file in the process, in bytes."""
    process.send_signal(signal.SIGSTOP)
    while not stopped(process.pid) and process.poll() is None:
        time.sleep(0.0002)
    with open(f"/proc/{process.pid}/smaps", encoding="utf-8") as f:
        text = f.read()
    process.send_signal(signal.SIGCONT)
    space = resident = 0
    ours = False
    for line in text.splitlines():
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
        if head:
            ours = line.endswith(NAME)
            space += ours * (int(head[2], 16) - int(head[1], 16))
        elif ours and line.startswith("Rss:"):
            resident += int(line.split()[1]) * K
    return space, resident


def load(way, threads):
    environ = environment(section=SECTION, pool=POOL)
    if way == "view":
        del environ["LD_PRELOAD"]
    program = os.path.join(BUILD, "tests/sections/load")
    process = subprocess.Popen([program, way, str(threads), NAME], env=environ, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    seen = []
    # At least so many, and until the pool has been full.
    while len(seen) < SAMPLES or (len(seen) < 50 * SAMPLES and max(seen)[0] < POOL // 2):
        time.sleep(0.002)
        seen.append(sample(process))
    out = process.communicate("")[0]
    most, resident = max(s[0] for s in seen), max(s[1] for s in seen)
    name = f"{way}, {threads} threads"
    check(process.returncode == 0 and re.match(r"\d{4,} reads, 0 wrong", out),
          f"{name}: all reads were right", process.returncode, out)
    check(POOL // 2 <= most <= POOL + SECTION,
          f"{name}: at most {POOL + SECTION >> 10} KiB of address space in {len(seen)} samples", most)
    check(0 < resident <= POOL + SECTION, f"{name}: nor more resident memory", resident)
    print(f"# {name}: most {most >> 10} KiB, resident {resident >> 10} KiB; {out.strip()}")


for how in "pread", "view":
    for count in 1, 2, 8:
        load(how, count)
done()

"""What the scripts here share: TAP, a scratch directory, files whose bytes tell their place, and
running Python under the library."""
import array
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ.get("top_builddir", ".")
LIBRARY = os.path.abspath(os.path.join(BUILD, "src/.libs/libonecopy-preload.so"))
PAGE = os.sysconf("SC_PAGESIZE")
K, M = 1024, 1024 * 1024

# File systems whose files are mapped.
MAPPED = {"ext2/ext3", "xfs", "btrfs", "f2fs", "tmpfs"}


def file_system(place):
    return subprocess.run(["stat", "-f", "-c", "%T", place], capture_output=True, text=True,
                          check=True).stdout.strip()


def make_scratch():
    for place in (tempfile.gettempdir(), "/dev/shm", "/var/tmp"):
        if os.path.isdir(place) and file_system(place) in MAPPED:
            return tempfile.mkdtemp(prefix="onecopy-sections-", dir=place)
    print("1..0 # SKIP no directory on a file system whose files are mapped")
    sys.exit(0)


scratch = make_scratch()
nth = 0
bad = False


def check(right, name, *why):
    global nth, bad
    nth += 1
    print("ok" if right else "not ok", nth, "-", name)
    if not right:
        bad = True
        print("#", *(str(w).replace("\n", "\n# ") for w in why))
    sys.stdout.flush()
    return right


def skip(name, why):
    global nth
    nth += 1
    print("ok", nth, "-", name, "# SKIP", why)


def done():
    shutil.rmtree(scratch, ignore_errors=True)
    print(f"1..{nth}")
    sys.exit(bad)


def path(name):
    return os.path.join(scratch, name)


def words(offset, n):
    """The bytes at OFFSET (a multiple of 8) of each file made by make_file: none of them is zero."""
    return array.array("Q", [w * 0x100000001b3 % 2**63 | 0x8080808080808080
                             for w in range(offset // 8, (offset + n) // 8)]).tobytes()


def make_file(name, size):
    """In blocks of 1 MiB, each the same but for its first word."""
    block = words(0, min(size, M))
    with open(name, "wb") as f:
        for at in range(0, size, M):
            f.write(at.to_bytes(8, "little") + block[8:size - at])
    return name


# Around a program that runs under the library: it leaves its answers in the dictionary tell.
PRELUDE = """
import errno, json, mmap, os, resource, sys, time
sys.path.insert(0, os.environ["KIT"])
from kit_child import *
tell = {}
"""
POSTLUDE = """
print(json.dumps(tell))
"""


def environment(rules="*.matched", **settings):
    home = path("home")
    os.makedirs(home, 0o700, exist_ok=True)
    return dict(os.environ, LD_PRELOAD=LIBRARY, ONECOPY_FILES=rules, ONECOPY_MIN_SIZE="0",
                ONECOPY_DIR=home, ONECOPY_REPORT=path("report"),
                **{"ONECOPY_" + k.upper(): str(v) for k, v in settings.items()})


class Ran:
    """A finished program: status, out, err, and its report's counters."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.counters, self.tell = {}, {}
        if self.out.startswith("{"):
            self.tell = json.loads(self.out)
        if os.path.exists(path("report")):
            with open(path("report"), encoding="utf-8") as f:
                lines = f.read().splitlines()
            self.counters = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", lines[-1])}

    def __str__(self):
        return f"status {self.status}\n{self.out}{self.err}{self.counters}"


def run(command, environ):
    if os.path.exists(path("report")):
        os.unlink(path("report"))
    return Ran(subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300,
                              check=False))


def python(program, *args, served=True, **settings):
    environ = environment(**settings) if served else dict(os.environ)
    environ["KIT"] = os.path.dirname(os.path.abspath(__file__))
    return run([sys.executable, "-E", "-S", "-B", "-c", PRELUDE + program + POSTLUDE, *args], environ)

#!/usr/bin/python3
"""Sections of a file that is not in the page cache: what the kernel would read from disk in order is not
turned into faults, each of which waits for a small read.  On an ext4 of its own where that can be mounted."""
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import kit
from kit import K, M, check, done, make_file, path, python, skip

SIZE = 32 * M
SETTINGS = {"section": "256K", "pool": "8M"}


def mount():
    """A directory on a file system whose files can be cold, or None."""
    image, at = path("disk"), path("mounted")
    os.mkdir(at)
    with open(image, "wb") as f:
        f.truncate(64 * M)
    if not subprocess.run(["mkfs.ext4", "-q", "-F", image], check=False, stderr=subprocess.DEVNULL).returncode:
        if not subprocess.run(["mount", "-o", "loop", image, at], check=False,
                              stderr=subprocess.DEVNULL).returncode:
            return at, True
    return (None if kit.file_system(at) == "tmpfs" else at), False


def make_cold(name):
    fd = os.open(name, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


# Around what is measured; what the interpreter itself needs from disk has been there before.
AROUND = """
fd = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(fd).st_size
faults, begun = major_faults(), time.monotonic()
%s
tell["faults"], tell["ms"] = major_faults() - faults, round((time.monotonic() - begun) * 1000)
tell["sections"] = sections(sys.argv[1])
"""
SEQUENTIAL = AROUND % """
tell["wrong"] = sum(not right(os.pread(fd, 4096, at), at) for at in range(0, size, 4096))
"""
SCATTERED = AROUND % """
tell["wrong"] = hot_reads(fd, 3000, size)
"""
HOT = AROUND % """
tell["wrong"] = hot_reads(fd, 6000, 1 << 20, 8 << 20)
"""
# What must not happen, so that it is known to be seen.
MAPPED = AROUND % """
whole = mmap.mmap(fd, size, prot=mmap.PROT_READ)
whole.madvise(mmap.MADV_RANDOM)
tell["wrong"] = sum(not right(whole[at:at + 4096], at) for at in range(0, size, 4096))
"""


def measure(program, **how):
    make_cold(name)
    ran = python(program, name, **how)
    print("#", {k: ran.tell.get(k) for k in ("faults", "ms")}, ran.counters.get("copied_calls"))
    return ran


where, mounted = mount()
if where is None:
    skip("cold files", "nothing here can be cold")
    done()
try:
    name = make_file(os.path.join(where, "cold.matched"), SIZE)
    naive = measure(MAPPED, served=False)
    if naive.tell.get("faults", 0) < 1000:
        skip("cold files", f"the page cache could not be emptied: {naive}")
        raise SystemExit
    check(naive.tell["wrong"] == 0, f"a mapping read as it comes: {naive.tell['faults']} faults wait for the disk")

    plain = measure(SEQUENTIAL, served=False)
    ours = measure(SEQUENTIAL, **SETTINGS)
    check(ours.tell.get("wrong") == 0 and ours.status == 0, "read from front to back: the right bytes", ours)
    check(ours.tell["faults"] <= plain.tell["faults"] + 8, "and hardly a fault waits for the disk", ours)
    ours = measure(SEQUENTIAL, **dict(SETTINGS, section="64K", pool="128K"))
    check(ours.tell.get("wrong") == 0 and ours.tell["faults"] <= plain.tell["faults"] + 16,
          "nor with small sections in a small pool", ours)

    ours = measure(SCATTERED, **SETTINGS)
    check(ours.tell.get("wrong") == 0 and ours.tell["faults"] <= 16,
          "read at random: the right bytes, and hardly a fault that waits", ours)

    ours = measure(HOT, **SETTINGS)
    check(ours.tell.get("wrong") == 0 and ours.tell["faults"] <= 32, "a hot part: the same", ours)
    check(ours.counters["copied_calls"] > 2000 and ours.tell["sections"],
          "and when it has been read by the kernel it is mapped", ours)

    ours = measure(HOT, rules="*.matched,pin=8M-9M", **SETTINGS)
    check(ours.tell.get("wrong") == 0 and ours.tell["faults"] <= 16,
          "a pinned part is read ahead in order when it is mapped", ours)
    check(ours.counters["copied_calls"] > 5900, "and not a read of it is left to the kernel", ours)
finally:
    if mounted:
        for _ in range(50):
            if not subprocess.run(["umount", where], check=False, stderr=subprocess.DEVNULL).returncode:
                break
            time.sleep(0.1)
done()

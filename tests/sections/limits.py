#!/usr/bin/python3
"""Where sections cannot be mapped, for lack of address space, mappings or memory, or because the file
cannot be mapped at all, the kernel reads, and nothing fails."""
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from kit import M, check, done, make_file, path, python, skip

NAME = make_file(path("data.matched"), 4 * M)
SETTINGS = {"section": "64K", "pool": "2M"}

READ = """
tell["wrong"] = hot_reads(fd, 3000, 4 << 20)
tell["sections"] = sections(name)
"""
OPEN = """
name = sys.argv[1]
fd = os.open(name, os.O_RDONLY)
"""


def fine(ran, what):
    check(ran.status == 0 and ran.tell.get("wrong") == 0 and not ran.err, f"{what}: reads as without", ran)
    check(ran.counters.get("copied_calls", -1) + ran.counters.get("kernel_calls", 0) >= 3000,
          f"{what}: the library was there", ran)


def by_the_kernel(ran, what):
    fine(ran, what)
    check(ran.tell.get("sections") == [] and ran.counters.get("copied_calls") == 0, f"{what}: all by the kernel", ran)


def mapped(ran, what):
    fine(ran, what)
    check(ran.tell.get("sections") and ran.counters.get("copied_calls", 0) > 1000, f"{what}: sections are mapped", ran)


SPACE = """
def now():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[0]) * mmap.PAGESIZE
def limit(more):
    resource.setrlimit(resource.RLIMIT_AS, (now() + more, resource.RLIM_INFINITY))
"""
mapped(python(OPEN + READ, NAME, **SETTINGS), "no limit")

# RLIMIT_AS
by_the_kernel(python(SPACE + OPEN + "limit(3 << 19)" + READ, NAME, **SETTINGS),
              "RLIMIT_AS leaves less than the pool takes")
by_the_kernel(python(SPACE + OPEN + "limit(16 << 20)" + READ, NAME, **SETTINGS),
              "RLIMIT_AS leaves little more")
mapped(python(SPACE + OPEN + "limit(1 << 30)" + READ, NAME, **SETTINGS), "RLIMIT_AS leaves plenty")
mapped(python(SPACE + OPEN + "hot_reads(fd, 300, 1 << 20)\nlimit(512 << 10)" + READ, NAME, **SETTINGS),
       "RLIMIT_AS comes when there is a pool")

# vm.max_map_count: mappings that the kernel can't merge, until there are no more
FULL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
libc.mprotect.argtypes = libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
most = int(open("/proc/sys/vm/max_map_count").read()) + 10
page = mmap.PAGESIZE
def fill():
    '''Every second page of a mapping, as many as there may be.  Memory for the interpreter is there.'''
    spare = [bytearray(4096) for _ in range(500)]
    size = 2 * most * page
    at = libc.mmap(None, size, 0, 0x4022, -1, 0)
    done = 0
    while done < most and libc.mprotect(at + 2 * done * page, page, 1) == 0:
        done += 1
    del spare
    return at, size, done
"""
with open("/proc/sys/vm/max_map_count", encoding="ascii") as f:
    many = int(f.read()) > 300000
if many:
    skip("vm.max_map_count", "it is so large that to reach it takes long")
else:
    ran = python(FULL + OPEN + "at, size, tell['done'] = fill()" + READ, NAME, **SETTINGS)
    by_the_kernel(ran, "no mapping left, before there is a pool")
    check(0 < ran.tell.get("done", 0) < 300000, "they had run out", ran)
    ran = python(FULL + OPEN + "hot_reads(fd, 300, 1 << 20)\nat, size, tell['done'] = fill()" + READ,
                 NAME, **SETTINGS)
    fine(ran, "no mapping left, with a pool that is half full")
    ran = python(FULL + OPEN + "hot_reads(fd, 300, 1 << 20)\nat, size, tell['done'] = fill()" + READ +
                 "libc.munmap(at, size, 0)\nhot_reads(fd, 30000, 4 << 20)\ntell['sections'] = sections(name)",
                 NAME, **SETTINGS)
    mapped(ran, "when there are mappings again")

# Files that cannot be mapped: proc and sys, with every file matched
STRANGE = """
tell["wrong"] = 0
tell["sections"] = []
for name in sys.argv[1:]:
    fd = os.open(name, os.O_RDONLY)
    whole = os.pread(fd, 65536, 0)
    for i in range(2000):
        at = i * 7 % max(1, len(whole))
        tell["wrong"] += os.pread(fd, 1 + i % 50, at) != whole[at:at + 1 + i % 50]
    tell["sections"] += sections(name)
"""
for rules in "**", "**,unchanging":
    ran = python(STRANGE, "/proc/version", "/proc/sys/kernel/ostype", "/sys/devices/system/cpu/possible",
                 rules=rules, **SETTINGS)
    check(ran.status == 0 and ran.tell.get("wrong") == 0 and ran.tell.get("sections") == [] and not ran.err,
          f"files of procfs and sysfs, rule {rules}: read as without", ran)

# FUSE with direct I/O: ENODEV
where = path("fuse")
os.mkdir(where)
server = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuse.py"),
                           where, NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
if server.stdout.readline() != "mounted\n":
    skip("FUSE with direct I/O", "cannot be mounted here: " + server.stderr.read().strip())
else:
    try:
        file = os.path.join(where, "data.matched")
        TRY = """
try:
    mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
    tell["refused"] = 0
except OSError as e:
    tell["refused"] = e.errno == errno.ENODEV
"""
        for rules in "*.matched", "*.matched,unchanging":
            ran = python(OPEN + TRY + READ, file, rules=rules, **SETTINGS)
            by_the_kernel(ran, f"FUSE with direct I/O, rule {rules}")
            check(ran.tell.get("refused"), "it does refuse a mapping", ran)
    finally:
        for _ in range(50):
            if not subprocess.run(["umount", where], check=False, stderr=subprocess.DEVNULL).returncode:
                break
            time.sleep(0.1)
        server.wait(20)
done()

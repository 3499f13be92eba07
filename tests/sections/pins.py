#!/usr/bin/python3
"""What a rule pins is mapped when the file is opened, and stays; what does not fit is told."""
import sys

sys.dont_write_bytecode = True
from kit import K, M, check, done, make_file, path, python

NAME = make_file(path("data.matched"), 8 * M)
SMALL = {"section": "64K", "pool": "1M"}

SHOW = """
name = sys.argv[1]
fd = os.open(name, os.O_RDONLY)
tell["open"] = sections(name)
tell["wrong"] = hot_reads(fd, 3000, 7 << 20)
tell["wrong"] += sum(hot_reads(fd, 300, 64 << 10, n << 20, n) for n in range(8))
tell["later"] = sections(name)
again = os.open(name, os.O_RDONLY)
os.close(fd)
tell["wrong"] += hot_reads(again, 100, 64 << 10, 1 << 20)
os.close(again)
tell["closed"] = sections(name)
again = os.open(name, os.O_RDONLY)
tell["again"] = sections(name)
"""


def size(parts):
    return sum(length for offset, length in parts)


def holds(parts, wanted):
    return all(any(o <= offset and offset + length <= o + n for o, n in parts)
               for offset, length in wanted)


WANT = [[M, 128 * K], [3 * M, 64 * K]]

ran = python(SHOW, NAME, rules="*.matched,pin=1M-1100K,pin=3M-3145729", **SMALL)
check(ran.status == 0 and not ran.err, "a program with pinned parts ends well, and nothing is said", ran)
check(ran.tell.get("open") == WANT, "they are mapped when it has opened the file", ran)
check(ran.tell.get("wrong") == 0, "the bytes are the file's", ran)
check(holds(ran.tell["later"], WANT), "they stay, whatever else is read", ran)
check(size(WANT) < size(ran.tell["later"]) <= M, "more is mapped, within the pool", ran)
check(ran.tell["closed"] == [], "none stays behind the last descriptor", ran)
check(ran.tell["again"] == WANT, "they are mapped again when it is opened again", ran)
check(ran.counters.get("copied_calls", 0) > 300, "reads are copied from them", ran)

ran = python(SHOW, NAME, rules="*.matched", **SMALL)
check(ran.tell.get("open") == [] and ran.tell["later"], "without pins nothing is mapped at open", ran)

ran = python(SHOW, NAME, rules="*.matched,pin=0-4M", **SMALL)
check(ran.status == 0 and ran.tell.get("wrong") == 0,
      "pins of four times the pool: the program ends well and reads the right bytes", ran)
check(ran.tell["open"] == [[0, M]] == ran.tell["later"], "as much as fits is pinned", ran)
check(ran.err.count("\n") == 1 and "pin" in ran.err and "ONECOPY_POOL" in ran.err,
      "one message says that they do not fit", ran)
ran = python(SHOW, NAME, rules="*.matched,pin=0-4M", log="off", **SMALL)
check(ran.status == 0 and not ran.err, "none with ONECOPY_LOG=off", ran)

ran = python(SHOW, NAME, rules="*.matched,pin=6M-1T", **dict(SMALL, pool="4M"))
check(ran.status == 0 and not ran.err and ran.tell["open"] == [[6 * M, 2 * M]],
      "a pin beyond the end of the file ends with the file", ran)

ran = python(SHOW, NAME, rules="*.matched,pin=0-1M,map=off", **SMALL)
check(ran.status == 0 and not ran.err and ran.tell["open"] == [], "map=off goes before", ran)
done()

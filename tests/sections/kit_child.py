"""For the programs that run under the library."""
import os
import random
import resource

M = 1024 * 1024


def block():
    """The first MiB, by a read that is neither copied nor lent from a section: see kit.make_file."""
    words = bytearray()
    for w in range(M // 8):
        words += (w * 0x100000001b3 % 2**63 | 0x8080808080808080).to_bytes(8, "little")
    return bytes(words)


BLOCK = block()
SEAM = BLOCK[-4096:] + BLOCK[:4096]


def right(data, offset):
    at = offset % M
    want = BLOCK[at:at + len(data)]
    if at + len(data) > M:
        want = SEAM[at - M + 4096:][:len(data)]
    # The first word of each block is its own.
    for first in range(offset - at, offset + len(data), M):
        for i in range(8):
            k = first + i - offset
            if 0 <= k < len(data):
                want = want[:k] + first.to_bytes(8, "little")[i:i + 1] + want[k + 1:]
    return data == want


def hot_reads(fd, count, size, start=0, seed=1):
    """Random small reads of [start, start + size); how many were wrong."""
    rnd = random.Random(seed)
    wrong = 0
    for _ in range(count):
        n = rnd.randrange(1, 600)
        offset = start + rnd.randrange(0, size - n)
        wrong += not right(os.pread(fd, n, offset), offset)
    return wrong


def sections(name):
    """The parts of the file that are mapped: [offset, length], in order, neighbours as one."""
    found, merged = [], []
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            field = line.split(None, 5)
            if len(field) == 6 and field[5].strip() == name:
                first, last = (int(x, 16) for x in field[0].split("-"))
                found.append([int(field[2], 16), last - first])
    for offset, length in sorted(found):
        if merged and sum(merged[-1]) == offset:
            merged[-1][1] += length
        else:
            merged.append([offset, length])
    return merged


def major_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt

"""The file system of tests/sections/fuse.py, telling untruths.  Needs root.
usage: liar.py DIRECTORY FILE LIE [cached]      cached: pages are kept, and may be mapped"""
import errno
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sections"))
import fuse  # noqa: E402

LIES = ("honest", "longer", "shorter", "empty", "short", "eio", "inode", "owner", "times", "flicker")
BAD = range(1500000, 1510000)
honest_attributes, honest_answer = fuse.attributes, fuse.answer
lie, cached = sys.argv[3], sys.argv[4:] == ["cached"]
asked = read = 0


def attributes(node, size):
    global asked
    words = list(struct.unpack("<6Q10I", honest_attributes(node, size)))
    if node != fuse.FILE:
        return struct.pack("<6Q10I", *words)
    asked += 1
    if lie in ("longer", "shorter", "empty"):
        words[1] = {"longer": size + 300000, "shorter": size - 1000000, "empty": 0}[lie]
    if lie == "inode":
        words[0] = 1000 + asked
    if lie == "times":
        words[4] = words[5] = asked
    if lie == "owner":
        words[9], words[11] = 0o100000, 4321
    return struct.pack("<6Q10I", *words)


def answer(data, code, node, body):
    global read
    reply = honest_answer(data, code, node, body)
    if not isinstance(reply, bytes):
        return reply
    if code == fuse.LOOKUP:
        return reply[:16] + bytes(16) + reply[32:]  # attributes are asked for again each time
    if code == fuse.GETATTR:
        return bytes(16) + reply[16:]
    if code == fuse.OPEN and cached:
        return struct.pack("<Q2I", 1, 0, 0)
    if code == fuse.READ:
        offset, _ = struct.unpack_from("<QI", body, 8)
        read += 1
        if lie == "eio" and offset < BAD.stop and offset + len(reply) > BAD.start:
            return -errno.EIO
        if lie == "flicker" and read % 3 == 0:
            return -errno.EIO
        if lie == "short":
            return reply[:3001]
    return reply


assert lie in LIES
fuse.attributes, fuse.answer = attributes, answer
fuse.main()

"""Reads a file in all ways, and prints what came of each.  usage: lied.py FILE TRUE-FILE
Bytes that are not the true file's are an error of the file system's or of the library's."""
import ctypes
import hashlib
import mmap
import os
import sys

path = sys.argv[1]
with open(sys.argv[2], "rb") as f:
    true = f.read()
libc = ctypes.CDLL(None, use_errno=True)


def tell(what, offset, call):
    try:
        got = call()
    except OSError as e:
        print(what, "errno", e.errno)
        return
    if isinstance(got, int):
        print(what, got)
        return
    right = got == true[offset:offset + len(got)]
    print(what, len(got), hashlib.md5(got).hexdigest()[:8], "right" if right else "WRONG")


def whole(fd, length):
    """Into fresh memory, by one read."""
    memory = mmap.mmap(-1, length)

    def call():
        n = os.preadv(fd, [memory], 0)
        return memory[:n]
    return call


def small(fd):
    """The same places again and again, so that they are worth a mapping."""
    digest = hashlib.md5()
    for i in range(1500):
        try:
            digest.update(os.pread(fd, 64, 70000 + i * 61 % 30000))
        except OSError as e:
            digest.update(b"%d" % e.errno)
    return digest.digest()[0]


def main():
    fd = os.open(path, os.O_RDONLY)
    for again in ("first", "again"):
        tell(again + " read", 0, lambda: (os.lseek(fd, 0, os.SEEK_SET), os.read(fd, len(true) + 500000))[1])
        tell(again + " offset", 0, lambda: os.lseek(fd, 0, os.SEEK_CUR))
        tell(again + " pread", 0, whole(fd, 1 << 20))
        tell(again + " middle", 1400000, lambda: os.pread(fd, 300000, 1400000))
        tell(again + " beyond", len(true) - 100, lambda: os.pread(fd, 400000, len(true) - 100))
    tell("size", 0, lambda: os.fstat(fd).st_size)
    tell("end", 0, lambda: os.lseek(fd, 0, os.SEEK_END))
    tell("at the end", len(true), lambda: os.pread(fd, 100, len(true)))
    print("small", small(fd))
    os.close(fd)
    tell("stream", 0, lambda: open(path, "rb", 300000).read())


main()

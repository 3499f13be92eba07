"""A file system of one file, for the sake of its refusing mappings: FUSE with direct I/O, the
protocol spoken as it is.  Needs root.  usage: fuse.py DIRECTORY FILE: the file, as data.matched there."""
import ctypes
import errno
import os
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, BATCH_FORGET = 25, 26, 27, 28, 29, 34, 42
DIRECT_IO = 1
ROOT, FILE = 1, 2
NAME = b"data.matched\0"


def attributes(node, size):
    mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o644
    return struct.pack("<6Q10I", node, size, (size + 511) // 512, 1, 1, 1, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(data, code, node, body):
    """The body of the reply, a negative errno, or None where none is expected."""
    size = len(data) if node == FILE else 4096
    if code == INIT:
        return struct.pack("<4I2H8I4x", 7, 31, 65536, 0, 12, 8, 65536, 1, 0, 0, 0, 0, 0, 0)[:64]
    if code == LOOKUP:
        if body != NAME:
            return -errno.ENOENT
        return struct.pack("<4Q2I", FILE, 0, 60, 60, 0, 0) + attributes(FILE, len(data))
    if code == GETATTR:
        return struct.pack("<Q2I", 60, 0, 0) + attributes(node, size)
    if code in (OPEN, OPENDIR):
        return struct.pack("<Q2I", 1, DIRECT_IO, 0)
    if code == READ:
        offset, length = struct.unpack_from("<QI", body, 8)
        return data[offset:offset + length]
    if code in (READDIR, RELEASE, RELEASEDIR, FLUSH, ACCESS):
        return b""
    if code == STATFS:
        return struct.pack("<5Q4I24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)
    return None if code in (FORGET, BATCH_FORGET) else -errno.ENOSYS


def serve(fuse, data):
    while True:
        try:
            request = os.read(fuse, 1 << 20)
        except OSError as e:
            if e.errno in (errno.EINTR, errno.ENOENT):
                continue
            return  # ENODEV: unmounted
        code, unique, node = struct.unpack_from("<IQQ", request, 4)
        reply = answer(data, code, node, request[40:])
        if reply is None:
            continue
        error, body = (reply, b"") if isinstance(reply, int) else (0, reply)
        os.write(fuse, struct.pack("<IiQ", 16 + len(body), error, unique) + body)


def main():
    with open(sys.argv[2], "rb") as f:
        data = f.read()
    fuse = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"onecopy-test", sys.argv[1].encode(), b"fuse", 6, options):
        sys.exit(os.strerror(ctypes.get_errno()))
    print("mounted", flush=True)
    serve(fuse, data)


if __name__ == "__main__":
    main()

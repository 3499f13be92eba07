"""usage: load.py HOW FILE: load it, print something that depends on all of it, stay a while.

-HOW: load only."""
import os
import sys
import time

HOW, PATH = sys.argv[1].lstrip("-"), sys.argv[2]


def load():
    if HOW == "read":
        with open(PATH, "rb") as f:
            return f.read()
    if HOW == "pickle":
        import pickle
        with open(PATH, "rb") as f:
            return pickle.load(f)
    import numpy
    if HOW == "fromfile":
        return numpy.fromfile(PATH)
    if HOW == "mapped":
        return numpy.load(PATH, mmap_mode="r")
    loaded = numpy.load(PATH)
    return loaded["a"] if HOW == "npz" else loaded


def digest(data):
    import zlib
    if isinstance(data, dict):
        return [zlib.crc32(data[k]) for k in sorted(data)]
    return zlib.crc32(data)


data = load()
if sys.argv[1].startswith("-"):
    print(len(data))
else:
    print(len(data), digest(data), flush=True)
    time.sleep(float(os.environ.get("STAY", 1)))

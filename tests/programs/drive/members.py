"""usage: members.py ZIP: all members, kept, and a digest of each."""
import os
import sys
import time
import zipfile
import zlib

with zipfile.ZipFile(sys.argv[1]) as z:
    members = {name: z.read(name) for name in z.namelist()}
for name, data in members.items():
    print(name, len(data), zlib.crc32(data))
sys.stdout.flush()
time.sleep(float(os.environ.get("STAY", 1)))

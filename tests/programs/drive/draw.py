"""usage: draw.py TEXT PICTURE: draw lines of text as a PGM, each letter a pattern of blocks."""
import sys
import zlib

lines = open(sys.argv[1]).read().splitlines()
W, H, CELL = 60, len(lines), 16
rows = []
for line in lines:
    patterns = [zlib.crc32(c.encode()) if c != " " else 0 for c in line.ljust(W)[:W]]
    for y in range(CELL * 2):
        row = bytearray()
        for p in patterns:
            for x in range(CELL):
                inside = 2 <= x < 14 and 4 <= y < 28
                on = inside and p >> (((y - 4) // 6) * 4 + (x - 2) // 3) & 1
                row.append(0 if on else 255)
        rows.append(bytes(row))
with open(sys.argv[2], "wb") as f:
    f.write(b"P5 %d %d 255\n" % (W * CELL, H * CELL * 2) + b"".join(rows))

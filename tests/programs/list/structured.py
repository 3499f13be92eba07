"""Readers of structured files."""
import os

from suite.case import NONE, READER, Own, case
from suite.inputs import random_file, sh

GROUP = "Readers of structured files"
DRIVE = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "drive")


def database(folder, at):
    sh("/usr/bin/python3 {drive}/sql.py make {d}/a.db", d=folder, drive=DRIVE)


def tiles(folder, at):
    """A tiled GeoTIFF of random bytes."""
    size = 8000
    with open(folder + "/a.pgm", "wb") as f:
        f.write(b"P5 %d %d 255\n" % (size, size))
    random_file(folder + "/a.raw", 8, size * size)
    sh("cat {d}/a.raw >>{d}/a.pgm; gdal_translate -q -of GTiff -co TILED=YES {d}/a.pgm {d}/a.tif; rm {d}/a.raw {d}/a.pgm",
       d=folder)
    with open(folder + "/points", "w") as f:
        for i in range(20000):
            f.write(f"{i * 7919 % 2048} {i * 104729 % 2048}\n")


def archives(folder, at):
    for i in range(12):
        random_file(f"{folder}/m{i}", 20 + i, 8_000_000)
    sh("cd {d}; tar cf a.tar m*; zip -q -0 stored.zip m*; zip -q -1 packed.zip m*; rm m*", d=folder)


def cdb_file(folder, at):
    with open(folder + "/in", "w") as f:
        for i in range(400_000):
            f.write(f"+8,100:{i:08d}->{i * 2654435761 % 10 ** 20:0100d}\n")
        f.write("\n")
    sh("cdb -c {d}/a.cdb {d}/in; rm {d}/in", d=folder)


def lmdb_file(folder, at):
    with open(folder + "/in", "w") as f:
        f.write("VERSION=3\nformat=print\ntype=btree\nmapsize=200000000\nHEADER=END\n")
        for i in range(150_000):
            f.write(f" {i:08d}\n {i * 2654435761 % 10 ** 20:0200d}\n")
        f.write("DATA=END\n")
    sh("mdb_load -n -f {d}/in {d}/a.mdb; rm {d}/in", d=folder)


SQL = "/usr/bin/python3 {drive}/sql.py "
case("SQLite point queries", GROUP, ["python3"], [database], "{database}/a.db", SQL + "points {database}/a.db", "pread, 4 KiB",
     kind=READER, pool="64M", own=Own("mmap_size", SQL + "points {database}/a.db mmap"))
case("SQLite scans", GROUP, ["python3"], [database], "{database}/a.db", SQL + "scans {database}/a.db", "pread, 4 KiB",
     kind=READER, pool="64M", own=Own("mmap_size", SQL + "scans {database}/a.db mmap"))
for mode in ("wal", "delete"):
    name = {"wal": "WAL", "delete": "rollback"}[mode]
    case(f"SQLite with a writer, {name}", GROUP, ["python3"], [database], "/tmp/onecopy-sqlite.*/a.db",
         SQL + "writers {database}/a.db " + mode, "pread, 4 KiB", kind=NONE,
         why="changing files: shown is that all sums and integrity_check are right")
case("GDAL", GROUP, ["gdal-bin"], [tiles], "{tiles}/a.tif", "{drive}/tiles {tiles}", "fseek + fread, 64 KiB tiles", kind=NONE,
     why="reads tiles through stdio")
case("tar, one member", GROUP, ["tar"], [archives], "{archives}/a.tar", "tar xOf {archives}/a.tar m7", "read, 10 KiB", kind=NONE,
     why="one pass, nothing kept")
case("unzip, one member", GROUP, ["unzip", "zip"], [archives], "{archives}/packed.zip", "unzip -p {archives}/packed.zip m7",
     "read, 8 KiB", kind=NONE, why="one pass, nothing kept")
case("Python zipfile", GROUP, ["python3", "zip"], [archives], "{archives}/stored.zip",
     "/usr/bin/python3 {drive}/members.py {archives}/stored.zip", "read, as large as the member")
case("cdb", GROUP, ["tinycdb"], [cdb_file], "{cdb_file}/a.cdb", "{drive}/keys {cdb_file}/a.cdb", "mmap", kind=NONE,
     why="maps its file already")
case("LMDB", GROUP, ["lmdb-utils"], [lmdb_file], "{lmdb_file}/a.mdb", "mdb_dump -n {lmdb_file}/a.mdb", "mmap", kind=NONE,
     why="maps its file already")

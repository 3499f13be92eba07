"""usage: sql.py make|points|scans DATABASE [mmap]
         sql.py writers DATABASE MODE

writers: copies DATABASE; one process moves amounts between accounts while others add
them all up: in every transaction the sum is the same."""
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time

ROWS = 600_000


def make(path):
    db = sqlite3.connect(path)
    db.execute("create table t (id integer primary key, amount integer, text text)")
    rng = random.Random(1)
    db.executemany("insert into t values (?, ?, ?)", ((i, 100, "%0150x" % rng.getrandbits(600)) for i in range(ROWS)))
    db.execute("create index by_text on t (substr(text, 1, 20))")
    db.commit()
    db.close()


def connect(path, how):
    db = sqlite3.connect(path)
    db.execute("pragma cache_size = 10")
    if how == "mmap":
        db.execute("pragma mmap_size = 1000000000")
    return db


def points(path, how=""):
    db, rng, sum_ = connect(path, how), random.Random(2), 0
    for _ in range(60_000):
        for row in db.execute("select * from t where id = ?", (rng.randrange(60_000),)):
            sum_ = (sum_ * 31 + hash_of(row)) % (1 << 61)
    print(sum_)


def scans(path, how=""):
    db, sum_ = connect(path, how), 0
    for start in [0, 20_000, 40_000] * 15:
        for row in db.execute("select count(*), sum(length(text)), max(text) from t where id between ? and ?",
                              (start, start + 30_000)):
            sum_ = (sum_ * 31 + hash_of(row)) % (1 << 61)
    print(sum_)


def hash_of(row):
    import zlib
    return zlib.crc32(repr(row).encode())


def write(path):
    db, rng = sqlite3.connect(path, timeout=60, isolation_level=None), random.Random()
    for i in range(60):
        db.execute("begin immediate")
        for _ in range(50):
            a, b, some = rng.randrange(20_000), rng.randrange(20_000), rng.randrange(10)
            db.execute("update t set amount = amount - ? where id = ?", (some, a))
            db.execute("update t set amount = amount + ? where id = ?", (some, b))
        db.execute("commit" if i % 5 else "rollback")


def add_up(path, right):
    db = sqlite3.connect(path, timeout=60)
    db.execute("pragma cache_size = 10")
    for _ in range(10):
        if db.execute("select sum(amount) from t where id < 20000").fetchone()[0] != right:
            return 1
    return 0


def in_child(f, *args):
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        status = f(*args) or 0
    finally:
        os._exit(status)


def writers(path, mode):
    folder = tempfile.mkdtemp(prefix="onecopy-sqlite.", dir="/tmp")
    try:
        copy = folder + "/a.db"
        shutil.copy(path, copy)
        db = sqlite3.connect(copy)
        db.execute("pragma journal_mode = " + mode)
        db.close()
        children = [in_child(write, copy) for _ in range(2)] + [in_child(add_up, copy, 20_000 * 100) for _ in range(3)]
        states = [os.waitpid(c, 0)[1] for c in children]
        db = sqlite3.connect(copy)
        print(states, db.execute("select sum(amount) from t").fetchone(), db.execute("pragma integrity_check").fetchone())
        db.close()
    finally:
        shutil.rmtree(folder)


globals()[sys.argv[1]](*sys.argv[2:])

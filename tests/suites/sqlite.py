#!/usr/bin/python3
"""Several processes write to and read from one SQLite database.

usage: sqlite.py DATABASE JOURNAL_MODE MMAP_SIZE LOCKING_MODE

Each transaction moves an amount between two accounts, and notes it in a log; every reader
must find the sum unchanged and the log without gaps, and in the end integrity_check is ok
and the contents are what the transactions make them.
"""
import fcntl
import os
import sqlite3
import sys

ACCOUNTS, WRITERS, READERS, MOVES = 1000, 2, 2, 40
path, journal, mmap_size, locking = sys.argv[1:]


def connect(new=False):
    base = sqlite3.connect(path, timeout=120, isolation_level=None)
    base.execute(f"pragma mmap_size={mmap_size}")
    if new or journal != "wal":  # which is the file's, and kept in it
        base.execute(f"pragma journal_mode={journal}").fetchall()
    base.execute("pragma cache_size=20")
    base.execute("pragma synchronous=off")
    return base


def transaction(base, begin, body, commit):
    """In exclusive mode on a connection of its own, one process at a time."""
    if locking == "exclusive":
        turn = open(path + "-turn", "w")
        fcntl.flock(turn, fcntl.LOCK_EX)
        base = connect()
        base.execute("pragma locking_mode=exclusive").fetchall()
    base.execute(begin)
    body(base)
    base.execute(commit)
    if locking == "exclusive":
        base.close()
        turn.close()


def write(number):
    base = connect() if locking == "normal" else None
    for move in range(MOVES):
        def body(base, move=move):
            a, b = (number * 31 + move * 7) % ACCOUNTS, (number * 17 + move * 13 + 1) % ACCOUNTS
            base.execute("update account set amount = amount - 1 where id = ?", (a,))
            base.execute("update account set amount = amount + 1 where id = ?", (b,))
            base.execute("insert into log(writer, move, note) values (?, ?, ?)", (number, move, "x" * 300))
        transaction(base, "begin immediate", body, "commit" if move % 10 else "rollback")


def check(base):
    total = base.execute("select sum(amount), count(*) from account").fetchone()
    assert total == (ACCOUNTS * 100, ACCOUNTS), total
    for number in range(WRITERS):
        moves = [row[0] for row in base.execute("select move from log where writer = ? order by move", (number,))]
        assert moves == [m for m in range(MOVES) if m % 10][:len(moves)], moves


def read():
    base = connect() if locking == "normal" else None
    for _ in range(25):
        transaction(base, "begin", check, "commit")


def start(body, *args):
    pid = os.fork()
    if pid == 0:
        try:
            body(*args)
            os._exit(0)
        finally:
            os._exit(1)
    return pid


base = connect(new=True)
base.execute("create table account(id integer primary key, amount integer, filler text)")
base.execute("create table log(id integer primary key, writer integer, move integer, note text)")
base.execute("begin")
base.executemany("insert into account values (?, 100, ?)", ((i, "y" * (i % 200)) for i in range(ACCOUNTS)))
base.execute("commit")
base.close()

pids = [start(write, i) for i in range(WRITERS)] + [start(read) for _ in range(READERS)]
failed = [pid for pid in pids if os.waitpid(pid, 0)[1] != 0]
assert not failed, failed
base = connect()
assert base.execute("pragma integrity_check").fetchall() == [("ok",)]
assert base.execute("select sum(amount) from account").fetchone() == (ACCOUNTS * 100,)
assert base.execute("select count(*) from log").fetchone() == (WRITERS * sum(1 for m in range(MOVES) if m % 10),)

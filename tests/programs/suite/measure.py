"""Run one program without and with the library, and judge what came out."""
import datetime
import glob
import json
import os
import resource
import shlex
import shutil
import statistics
import subprocess
import tempfile
import time

from suite.case import LOADER, READER

SLACK = 1.25  # of one instance's data, for all of them together
MEMORY_REPEATS = 2  # at most: it hardly scatters
SERVED = 0.95  # of the bytes have to be lent, or copied without a system call


class Failed(Exception):
    pass


class Bench:
    """Where things are: the command under test, inputs, and a home of our own."""

    def __init__(self, onecopy, here, inputs, repeats, home):
        self.onecopy, self.here, self.inputs, self.repeats = onecopy, here, inputs, repeats
        shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.kept = home
        self.home = home or tempfile.mkdtemp(prefix="onecopy-programs.", dir=shm)
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        self.scratch = tempfile.mkdtemp(prefix="onecopy-programs.")

    def close(self):
        if not self.kept:
            shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def home_type(self):
        """The file system that images lie on, as stat names it."""
        return subprocess.run(["stat", "-f", "-c", "%T", self.home], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def fill(self, case, text, n=1):
        names = {make.__name__: os.path.join(self.inputs.root, make.__name__) for make in case.inputs}
        return text.format(drive=self.here + "/drive", n=n, **names)

    def words(self, case, text, n=1):
        return shlex.split(self.fill(case, text, n))

    def data_bytes(self, case):
        """What an instance loads: all files that match, or those of them that it reads."""
        rules = case.read_files or ":".join(r.split(",")[0] for r in case.files.split(":"))
        paths = {os.path.realpath(p) for rule in self.fill(case, rules).split(":") for p in glob.glob(rule)}
        return sum(os.path.getsize(p) for p in paths if os.path.getsize(p) >= 1 << 20)


def options(bench, case):
    rules = ":".join(rule + (",lend=kept" if case.kept else "") for rule in bench.fill(case, case.files).split(":"))
    words = ["--files", rules, "--dir", bench.home]
    return words + (["--pool", case.pool] if case.pool else [])


def counters(result):
    """The ledger's numbers, summed over all files that were matched and all processes."""
    files = result["with"].get("files") or []
    return {name: sum(f[name] for f in files) for name in ("lent_bytes", "copied_bytes", "kernel_bytes")}


def compare(bench, case, command, n):
    """`onecopy compare`: its JSON, with the counters of the half with the library."""
    into = bench.scratch + "/json"
    if os.path.exists(into):
        os.unlink(into)
    instances = 1 if case.workers else n
    done = subprocess.run([bench.onecopy, "compare", "-n", str(instances), "--json", into, *options(bench, case),
                           "--", *bench.words(case, command, n)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=900)
    if done.returncode > 1:
        raise Failed(f"compare: {done.stdout[-1500:]}")
    with open(into) as f:
        result = json.load(f)
    result["counters"] = counters(result)
    result["table"] = done.stdout
    for half in ("without", "with"):
        bad = [p for p in result[half]["processes"] if p.get("exit_status") != 0 or not p["output_bytes"]]
        if bad and half == "without":
            raise Failed(f"fails without the library: {done.stdout[-1500:]}")
        if bad:
            result["outputs_identical"] = False
    return result


def memory(bench, case, command, n):
    """Medians of the repeats; outputs have to be identical in every one of them."""
    runs = [compare(bench, case, command, n) for _ in range(min((bench.repeats + 1) // 2, MEMORY_REPEATS))]

    def median(half, what):
        return statistics.median(r[half][what] for r in runs)

    out = {"identical": all(r["outputs_identical"] for r in runs), "counters": runs[-1]["counters"]}
    for half in ("without", "with"):
        out[half] = {what: median(half, what) for what in
                     ("peak_pss_bytes", "steady_pss_bytes")}
    if not out["identical"]:
        out["table"] = next(r["table"] for r in runs if not r["outputs_identical"])
    return out


def timed(words, n=1):
    """Wall and CPU seconds of N at once, all their children included.  Our own drivers do not stay
    to be looked at."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    started = [subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=dict(os.environ, STAY="0")) for _ in range(n)]
    for process in started:
        process.wait(600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall": time.monotonic() - start,
            "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def interleaved(bench, ways):
    """WAYS: name, words, how many at once.  One way after the other, again and again, so that what
    disturbs the machine disturbs all alike; medians, and those of the ratios to the first way."""
    samples = {name: [] for name, _, _ in ways}
    for _ in range(bench.repeats):
        for name, words, n in ways:
            samples[name].append(timed(words, n))
        clean(bench)
    plain = samples[ways[0][0]]
    return {name: {**{what: statistics.median(s[what] for s in all_) for what in ("wall", "cpu")},
                   **{what + "_ratio": statistics.median(s[what] / p[what] for s, p in zip(all_, plain))
                      for what in ("wall", "cpu")}}
            for name, all_ in samples.items()}


def clean(bench):
    subprocess.run([bench.onecopy, "clean", "--force", "--dir", bench.home], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)


def times_of_one(bench, case, command, n):
    """Without; with, the first one, which fills the image; with, the next ones, while it is there."""
    words = bench.words(case, command, n)
    run = [bench.onecopy, "run", *options(bench, case), "--linger", "60", "--", *words]
    return interleaved(bench, [("plain", words, 1), ("first", run, 1), ("next", run, 1)])


def times_of_many(bench, case, n):
    """N at once, without and with; those with find no image."""
    words, at_once = bench.words(case, case.command, n), 1 if case.workers else n
    run = [bench.onecopy, "run", *options(bench, case), "--", *words]
    return interleaved(bench, [("plain", words, at_once), ("with", run, at_once)])


def quietly(bench, case, command):
    if command:
        subprocess.run(bench.words(case, command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


def own_sharing(bench, case, n):
    """All with the program's own option; what it keeps outside its processes (System V or
    POSIX shared memory) is mapped by them, and so counted."""
    if not case.own:
        return None
    quietly(bench, case, case.own.before)
    try:
        result = compare(bench, case, case.own.command, n)
        times = interleaved(bench, [("plain", bench.words(case, case.command), n),
                                    ("own", bench.words(case, case.own.command), n)])
    finally:
        quietly(bench, case, case.own.after)
    return {"name": case.own.name, "peak_pss_bytes": result["without"]["peak_pss_bytes"],
            "times": times["own"], "identical": result["outputs_identical"]}


def shares(data, n, sums):
    """What part of the file was lent, and of what was read, what part without a system call."""
    copied, kernel, lent = (sums.get(k, 0) for k in ("copied_bytes", "kernel_bytes", "lent_bytes"))
    read = copied + kernel + lent
    return {"lent": lent / (data * n) if data else 0.0, "copied": copied / read if read else 0.0}


def judge(case, row):
    """What is claimed has to be shown; the list of what is not."""
    missing = []
    if not row["identical"]:
        missing.append("outputs differ")
    if case.kind == LOADER:
        if row["many"]["with"][row["judged"]] > row["allowed_bytes"]:
            missing.append("memory")
        if row["lent"] < SERVED:
            missing.append(f"lent {row['lent']:.0%}")
    if case.kind == READER and row["copied"] < SERVED:
        missing.append(f"copied {row['copied']:.0%}")
    return missing


def measure(bench, case, n):
    data = bench.data_bytes(case)
    one, many = memory(bench, case, case.command, 1), memory(bench, case, case.command, n)
    whole = times_of_one(bench, case, case.command, 1)
    row = {"program": case.name, "group": case.group, "kind": case.kind, "reads": case.reads, "why": case.why,
           "kept": case.kept, "home": bench.home_type(), "date": datetime.date.today().isoformat(), "machine_load": os.getloadavg()[1],
           "instances": n, "repeats": bench.repeats, "data_bytes": data, "one": one, "many": many,
           "own": own_sharing(bench, case, n), "whole": whole, "whole_many": times_of_many(bench, case, n),
           "load": times_of_one(bench, case, case.load, 1) if case.load else whole,
           "identical": one["identical"] and many["identical"], **shares(data, n, many["counters"])}
    if row["own"] and not row["own"]["identical"]:
        row["identical"] = False
    row["judged"] = "steady_pss_bytes" if case.steady else "peak_pss_bytes"
    row["private_bytes"] = max(0, one["without"]["peak_pss_bytes"] - data)
    row["allowed_bytes"] = int(SLACK * data + n * row["private_bytes"])
    row["missing"] = judge(case, row)
    return row


def warm(bench, case):
    """Once with the library: files into the page cache, and their ages into the history."""
    command = bench.words(case, case.load or case.command)
    words = [bench.onecopy, "run", *options(bench, case), "--", *command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, errors="replace", timeout=600, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr[-800:]}")

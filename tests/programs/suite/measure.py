"""Run one program without and with the library, and judge what came out."""
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
SERVED = 0.95  # of the bytes have to be lent, or copied without a system call


class Failed(Exception):
    pass


class Bench:
    """Where things are: the command under test, inputs, and a home of our own."""

    def __init__(self, onecopy, here, inputs, repeats):
        self.onecopy, self.here, self.inputs, self.repeats = onecopy, here, inputs, repeats
        shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.home = tempfile.mkdtemp(prefix="onecopy-programs.", dir=shm)
        self.scratch = tempfile.mkdtemp(prefix="onecopy-programs.")

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

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


def options(bench, case, report):
    # Programs that read in small steps are shared, too; for the others it makes no difference.
    rules = ":".join(rule + ",lend=kept" for rule in bench.fill(case, case.files).split(":"))
    words = ["--files", rules, "--dir", bench.home, "--report", report]
    return words + (["--pool", case.pool] if case.pool else [])


def counters(path):
    """The sums of a report's numbers over all processes."""
    sums = {}
    try:
        with open(path, errors="replace") as f:
            lines = f.readlines()
    except OSError:
        lines = []
    for line in lines:
        for word in line.split():
            name, _, value = word.partition("=")
            if value.isdigit() and name != "pid":
                sums[name] = sums.get(name, 0) + int(value)
    sums["processes"] = len(lines)
    return sums


def compare(bench, case, command, n):
    """`onecopy compare`: its JSON, with the counters of the half with the library."""
    into, report = bench.scratch + "/json", bench.scratch + "/report"
    for path in (into, report):
        if os.path.exists(path):
            os.unlink(path)
    instances = 1 if case.workers else n
    done = subprocess.run([bench.onecopy, "compare", "-n", str(instances), "--json", into, *options(bench, case, report),
                           "--", *bench.words(case, command, n)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=900)
    if done.returncode > 1:
        raise Failed(f"compare: {done.stdout[-1500:]}")
    with open(into) as f:
        result = json.load(f)
    result["counters"] = counters(report)
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
    runs = [compare(bench, case, command, n) for _ in range(bench.repeats)]

    def median(half, what):
        return statistics.median(r[half][what] for r in runs)

    out = {"identical": all(r["outputs_identical"] for r in runs), "counters": runs[-1]["counters"]}
    for half in ("without", "with"):
        out[half] = {what: median(half, what) for what in
                     ("peak_pss_bytes", "steady_pss_bytes", "cpu_seconds", "wall_seconds", "minor_faults")}
    # the quietest: what others on the machine do only ever adds
    out["cpu_ratio"] = min(r["with"]["cpu_seconds"] for r in runs) / min(r["without"]["cpu_seconds"] for r in runs)
    out["wall_ratio"] = min(r["with"]["wall_seconds"] for r in runs) / min(r["without"]["wall_seconds"] for r in runs)
    if not out["identical"]:
        out["table"] = next(r["table"] for r in runs if not r["outputs_identical"])
    return out


def timed(words, environment):
    """Wall and CPU seconds of one run, all its children included."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=environment, check=False, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall": time.monotonic() - start,
            "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def load_times(bench, case):
    """Without; with, the first one, which fills the image; with, the next ones, while it is there.

    One after the other, again and again, so that what disturbs the machine disturbs all alike."""
    words = bench.words(case, case.load or case.command)
    run = [bench.onecopy, "run", *options(bench, case, bench.scratch + "/report"), "--linger", "60", "--", *words]
    clean = [bench.onecopy, "clean", "--force", "--dir", bench.home]
    samples = {"plain": [], "first": [], "next": []}
    for _ in range(bench.repeats):
        for how, command in (("plain", words), ("first", run), ("next", run)):
            samples[how].append(timed(command, os.environ))
        subprocess.run(clean, stdout=subprocess.DEVNULL, check=False)
    return {how: {what: statistics.median(s[what] for s in all_) for what in ("wall", "cpu")}
            for how, all_ in samples.items()}


def own_sharing(bench, case, n):
    """All with the program's own option; what it keeps outside its processes (System V or
    POSIX shared memory) is mapped by them, and so counted."""
    if not case.own:
        return None
    if case.own.before:
        subprocess.run(bench.words(case, case.own.before), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
    try:
        result = compare(bench, case, case.own.command, n)
    finally:
        if case.own.after:
            subprocess.run(bench.words(case, case.own.after), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
    return {"name": case.own.name, "peak_pss_bytes": result["without"]["peak_pss_bytes"],
            "cpu_seconds": result["without"]["cpu_seconds"], "identical": result["outputs_identical"]}


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
        if case.reports and row["lent"] < SERVED:
            missing.append(f"lent {row['lent']:.0%}")
    if case.kind == READER and row["copied"] < SERVED:
        missing.append(f"copied {row['copied']:.0%}")
    return missing


def measure(bench, case, n):
    data = bench.data_bytes(case)
    one, many = memory(bench, case, case.command, 1), memory(bench, case, case.command, n)
    row = {"program": case.name, "group": case.group, "kind": case.kind, "reads": case.reads, "why": case.why, "reports": case.reports,
           "instances": n, "data_bytes": data, "one": one, "many": many,
           "own": own_sharing(bench, case, n), "load": load_times(bench, case),
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
    words = [bench.onecopy, "run", *options(bench, case, bench.scratch + "/report"), "--", *command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, errors="replace", timeout=600, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr[-800:]}")

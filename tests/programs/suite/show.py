"""Rows as lines, tables and the page doc/programs.md."""
import datetime
import os
import platform
import subprocess

from suite.case import ABSENT


def mb(value):
    return f"{value / 1e6:.0f}" if value is not None else ""


def line(row):
    """One row while the rest is still running."""
    if row.get("failed"):
        return f"{row['program']}: NOT RUN: {row['failed']}"
    many = row["many"]
    return (f"{row['program']}: data {mb(row['data_bytes'])} MB; 1: {mb(row['one']['without']['peak_pss_bytes'])} -> "
            f"{mb(row['one']['with']['peak_pss_bytes'])}; {row['instances']}: {mb(many['without']['peak_pss_bytes'])} -> "
            f"{mb(many['with']['peak_pss_bytes'])} (at most {mb(row['allowed_bytes'])}); "
            f"lent {row['lent']:.0%}, copied {row['copied']:.0%}; load {seconds(row['load'])}; "
            f"run {of_one(row)}, of {row['instances']} {of_many(row)}; "
            f"{'identical' if row['identical'] else 'DIFFERENT'}"
            + (f"; MISSING: {', '.join(row['missing'])}" if row["missing"] else ""))


def with_and_steady(half):
    """The peak, and what it is afterwards where that is much less."""
    peak, steady = half["peak_pss_bytes"], half["steady_pss_bytes"]
    return f"{mb(peak)} ({mb(steady)})" if steady < 0.85 * peak else mb(peak)


def seconds(load):
    return " / ".join(f"{load[how]['wall']:.2f}" for how in ("plain", "first", "next"))


def is_timed(row):
    return row["whole"] and row["repeats"] > 1


def of_one(row):
    """Whole runs, as multiples of those without; nothing where they were not timed."""
    if not is_timed(row):
        return ""
    return " / ".join(f"{row['whole'][how]['wall_ratio']:.2f}" for how in ("first", "next"))


def of_many(row):
    if not is_timed(row):
        return ""
    return f"{row['whole_many']['with']['wall_ratio']:.2f} ({row['whole_many']['with']['cpu_ratio']:.2f})"


def own(row):
    if not row["own"]:
        return ""
    times = row["own"]["times"]
    return f"{row['own']['name']}: {mb(row['own']['peak_pss_bytes'])}" + (f", {times['wall_ratio']:.2f}" if times else "")


def columns(instances):
    return ["program", "how it reads", "data", "1 without", "1 with", f"{instances} without", f"{instances} with",
            "at most", "own option", "served", "load, s", "run of 1", f"run of {instances}", "outputs"]


def cells(row):
    if row.get("failed"):
        reason = row["failed"].strip().splitlines() or ["?"]
        return [row["program"], "not run: " + reason[0][:80]] + [""] * 12
    many = row["many"]
    served = {"loader": f"{row['lent']:.0%} lent", "reader": f"{row['copied']:.0%} copied"}.get(
        row["kind"], f"{row['lent']:.0%} lent, {row['copied']:.0%} copied")
    return [row["program"] + ("" if is_timed(row) else " ‡"), row["reads"] + (" †" if row["kept"] else ""), mb(row["data_bytes"]), mb(row["one"]["without"]["peak_pss_bytes"]),
            mb(row["one"]["with"]["peak_pss_bytes"]), mb(many["without"]["peak_pss_bytes"]),
            with_and_steady(many["with"]), mb(row["allowed_bytes"]) if row["kind"] == "loader" else "", own(row), served,
            seconds(row["load"]), of_one(row), of_many(row),
            "identical" if row["identical"] else "**different**"]


def markdown(rows, instances):
    head = columns(instances)
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "--:|" * (len(head) - 3) + "---|"]
    return "\n".join(lines + ["| " + " | ".join(cells(r)) + " |" for r in rows])


def table(result):
    """For the terminal: the same columns, padded."""
    all_ = [columns(result["instances"])] + [cells(r) for r in result["rows"]]
    widths = [max(len(r[i]) for r in all_) for i in range(len(all_[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in all_)


def machine():
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) * 1024
    return {"date": datetime.date.today().isoformat(), "cpus": os.cpu_count(), "memory_bytes": memory,
            "kernel": platform.release().split("-")[0], "libc": " ".join(platform.libc_ver()), "machine": platform.machine(), "load": os.getloadavg()[2],
            "debian": open("/etc/debian_version").read().strip() if os.path.exists("/etc/debian_version") else ""}


def versions(cases):
    names = sorted({p for c in cases for p in c.packages})
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    return dict(x.split(" ", 1) for x in done.stdout.splitlines() if " " in x)


INTRO = """# Programs that were tried

Made by `tests/programs/run --doc doc/programs.md` (after `tools/setup`), on {date}: {cpus} processors,
{memory} GB of memory, Linux {kernel}, {libc}, Debian {debian}. `tests/programs/run NAME` does one of them,
and `--from` puts rows of several runs together, as was done here, with several states of one day's code.

Every program is Debian's, unmodified. Inputs are made from fixed seeds, nothing is downloaded. For each, `onecopy compare`
runs one instance and {instances} at once, without and with the library ({repeats} times; once or twice where memory is looked at); the outputs of all
instances have to be identical every time.

- Rules have no options, but `lend=kept` where there is a †: programs that read in small steps what they keep, and
  that are as without the library otherwise. Their bytes are read as without it and then replaced by the image's: memory
  is gained for time.
- Memory is the peak of the sum of PSS in MB (10^6 bytes), images and mapped sections of files included, medians; in
  brackets that after loading, where it is much less. *Data* is the size of
  the files that an instance reads. *At most* is what {instances} may take where sharing is claimed: 1.25 times the data, and {instances} times
  what one instance takes beyond it without the library.
- *Served*: the part of the file's bytes that was lent, or of the bytes read that was copied without
  a system call, as the library's counters say.
- *Outputs*: of all instances, without and with, in every run.
- *Load* is the time of the shortest run that loads the data: without / with, as the first one, which
  makes the image / with, while the image is there. Medians.
- *Run of 1* and *run of {instances}* are the times of whole runs with the library, as multiples of those without (medians of the
  ratios of neighbours; runs without and with take turns, and nobody looks at them meanwhile; below 1 is faster). Of one: the first, which makes the image /
  the next, while it is there. Of {instances} at once: none is there; in brackets, the processors' time.
- *Own option*: the program's own way to share: memory of {instances}, and their time as a multiple of that without.
- The machine was shared: its load average was {load_low:.0f} to {load_high:.0f} while rows were measured, the programs' own part included.
"""

ONCE = """- ‡: looked at once, for memory and outputs; single times would say nothing of whole runs.
"""


CLOSE = 1.02  # of the time without


def slower(rows, ratio):
    """Those that take more than CLOSE, and how much, by RATIO of a row."""
    over = [(r["program"], ratio(r)) for r in rows if ratio(r) > CLOSE]
    return f"{len(rows) - len(over)} of {len(rows)}" + ("; not " + ", ".join(f"{name} ({x:.2f})" for name, x in over) if over else "")


def targets(rows):
    """What was aimed at, and what is missed, counted from the rows."""
    claims = [r for r in rows if r["kind"] != "none"]
    loaders = [r for r in claims if r["kind"] == "loader" and is_timed(r)]
    missed = [f"{r['program']} ({', '.join(r['missing'])})" for r in rows if r["missing"]]
    late = [r["program"] for r in claims if r["judged"] == "steady_pss_bytes"]
    lines = [f"- Outputs identical: {sum(r['identical'] for r in rows)} of {len(rows)} rows.",
             f"- Memory within what is allowed, and 95 % lent or copied, where it is claimed: {len(claims) - len(missed)} of {len(claims)}"
             + (": not " + ", ".join(missed) if missed else "") + ("; after loading, as while they load they have copies of their own: "
                + ", ".join(late) if late else "") + ".",
             "- Whole runs of loaders within 2 % of those without, or faster:"]
    for name, ratio in (("the first", lambda r: r["whole"]["first"]["wall_ratio"]), ("the next", lambda r: r["whole"]["next"]["wall_ratio"]),
                        ("{} at once".format(loaders[0]["instances"] if loaders else ""), lambda r: r["whole_many"]["with"]["wall_ratio"])):
        for kept in (False, True):
            of = [r for r in loaders if bool(r["kept"]) == kept]
            if of:
                lines.append(f"  - {name}, {'†' if kept else 'without options'}: {slower(of, ratio)}.")
    return "## What was aimed at\n\n" + "\n".join(lines) + "\n"


DISK = """- Images lay in /dev/shm, a tmpfs, as they do by default; but on a disk's file system, where the first run that
  makes them takes longer, for: {names}.
"""


def document(result):
    m = result["machine"]
    rows = [r for r in result["rows"] if not r.get("failed")]
    loads, times = [r["machine_load"] for r in rows], sorted({r["repeats"] for r in rows if is_timed(r)})
    parts = [INTRO.format(**dict(m, memory=round(m["memory_bytes"] / 1e9)), instances=result["instances"],
                          repeats="1" if not times else f"{times[0]} to {times[-1]}" if len(times) > 1 else times[0],
                          load_low=min(loads), load_high=max(loads))]
    if not all(is_timed(r) for r in rows):
        parts[0] += ONCE
    parts.append(targets(rows))
    disk = [r["program"] for r in rows if r["kind"] == "loader" and r.get("home", "tmpfs") != "tmpfs"]
    if disk:
        parts[0] += DISK.format(names=", ".join(disk))
    groups = []
    for row in result["rows"]:
        if row["group"] not in groups:
            groups.append(row["group"])
    for group in groups:
        rows = [r for r in result["rows"] if r["group"] == group]
        parts.append(f"## {group}\n\n{markdown(rows, result['instances'])}\n")
        notes = [f"- {r['program']}: {r['why']}" for r in rows if r.get("why")]
        notes += [f"- {name} is not in Debian {m['debian'].split('.')[0]}, so it was not tried" for name, of in ABSENT if of == group]
        if notes:
            parts.append("\n".join(notes) + "\n")
    listed = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    parts.append(f"## Versions\n\n{listed}\n")
    return "\n".join(parts)

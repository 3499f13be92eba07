#!/usr/bin/python3
"""Compare the outcomes of test cases between the passes of tests/suites/run.

usage: table.py RESULTS [JSON]

RESULTS has lines of suite, pass, case, outcome, separated by tabs.  Exit status 1
when a case differs (an outcome under the library that was never seen without) or
when nothing was compared.
"""
import collections
import json
import sys

WITHOUT = "without"


def load(path):
    """suite -> pass -> case -> set of outcomes"""
    suites = collections.defaultdict(lambda: collections.defaultdict(lambda: collections.defaultdict(set)))
    with open(path, encoding="utf-8", errors="replace") as results:
        for line in results:
            suite, run, case, outcome = line.rstrip("\n").split("\t")
            suites[suite][run][case].add(outcome)
    return suites


def differences(plain, served):
    """The cases that do something under the library which they never did without."""
    found = {}
    for case in sorted(set(plain) | set(served)):
        if case.startswith("(no image"):
            before = {"pass"}
        else:
            before = plain.get(case, {"absent"})
        after = served.get(case, {"absent"})
        if not after <= before:
            found[case] = {"without": sorted(before), "with": sorted(after)}
    return found


def count(cases, outcome):
    return sum(outcome in outcomes for outcomes in cases.values())


def main(results, into=None):
    suites = load(results)
    rows, compared, bad = [], 0, 0
    print(f"{'suite':<14}{'pass':<10}{'cases':>8}{'passed':>8}{'failed':>8}{'skipped':>8}{'differ':>8}")
    for suite, passes in suites.items():
        plain = passes.get(WITHOUT, {})
        for run, cases in passes.items():
            unlike = {} if run == WITHOUT else differences(plain, cases)
            row = {"suite": suite, "pass": run, "cases": len(cases)}
            row.update({what + ("ped" if what == "skip" else "ed"): count(cases, what) for what in ("pass", "fail", "skip")})
            row["differences"] = unlike
            rows.append(row)
            bad += len(unlike)
            compared += 0 if run == WITHOUT else len(cases)
            print(f"{suite:<14}{run:<10}{row['cases']:>8}{row['passed']:>8}{row['failed']:>8}{row['skipped']:>8}{len(unlike):>8}")
            for case, was in unlike.items():
                print(f"    {case}: {'/'.join(was['without'])} without, {'/'.join(was['with'])} with")
    if into:
        with open(into, "w", encoding="utf-8") as out:
            json.dump({"passes": rows, "compared": compared, "differences": bad}, out, indent=1)
    return 0 if compared and not bad else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/python3
"""Print the cases of a JUnit XML file, with their outcomes, a tab between.

usage: junit.py FILE PREFIX
"""
import sys
import xml.etree.ElementTree as tree


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None or case.get("result") == "error":
        return "fail"
    return "skip" if case.find("skipped") is not None else "pass"


for case in tree.parse(sys.argv[1]).iter("testcase"):
    print(f"{sys.argv[2]} {case.get('name')}\t{outcome(case)}")

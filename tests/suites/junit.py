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
    name = " ".join(filter(None, (case.get("classname"), case.get("name"))))
    print(f"{sys.argv[2]} {name.translate(str.maketrans({9: ' ', 10: ' '}))}\t{outcome(case)}")

"""One program, described.

The files of list/ make Cases; everything else (install, make inputs, run,
judge, print) is the same for all.  In words of commands, rules and own-sharing
commands {name} stands for the folder of the input NAME, {drive} for the folder
of the small drivers, {n} for the number of instances.
"""
import dataclasses
import typing

LOADER, READER, NONE = "loader", "reader", "none"


@dataclasses.dataclass
class Own:
    """The program's own way to share, to compare with."""

    name: str
    command: str
    before: str = ""
    after: str = ""


@dataclasses.dataclass
class Case:
    name: str
    group: str
    packages: list  # of Debian
    inputs: list  # functions that make a folder each
    files: str  # the rule: which files are matched
    command: str  # prints something that depends on the data
    reads: str  # how it reads, for the table
    kind: str = LOADER  # what is claimed: memory, speed, or only safety
    why: str = ""  # where nothing is gained: why
    load: str = ""  # the least that loads the data
    own: typing.Optional[Own] = None
    workers: bool = False  # {n} workers of one service, not {n} services
    pool: str = ""  # ONECOPY_POOL
    read_files: str = ""  # of the matched files those that are read, if not all
    kept: bool = False  # reads in small steps what it keeps: the rule says lend=kept
    steady: bool = False  # judged after loading: while loading the program has other copies itself


CASES = []
ABSENT = []  # name, group: programs that one would look for here, and Debian does not have


def case(*args, **kwargs):
    CASES.append(Case(*args, **kwargs))


def absent(name, group):
    ABSENT.append((name, group))

"""Inputs: made once, from fixed seeds, each in a folder of its own.

An input is a function f(folder, at): it fills the folder; at(g) is the folder of
another input, made before.  A folder counts as made when it holds a stamp with
the function's source, so a changed function makes its input anew.
"""
import hashlib
import inspect
import os
import random
import re
import shutil
import subprocess

BASES = bytes(ord("ACGT"[i & 3]) for i in range(256))
AMINO = bytes(ord("ACDEFGHIKLMNPQRSTVWY"[i % 20]) for i in range(256))


def recipe(make):
    """The function's source, and of what it is made from."""
    source = inspect.getsource(make)
    parts = [source] + [recipe(make.__globals__[name]) for name in re.findall(r"\bat\((\w+)\)", source)]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


class Inputs:
    def __init__(self, root, tell):
        self.root, self.tell = root, tell

    def at(self, make):
        folder = os.path.join(self.root, make.__name__)
        stamp = os.path.join(folder, ".made")
        source = recipe(make)
        try:
            with open(stamp) as f:
                if f.read() == source:
                    return folder
        except OSError:
            pass
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.tell(f"making {make.__name__}")
        make(folder, self.at)
        with open(stamp, "w") as f:
            f.write(source)
        return folder


def sh(command, **names):
    """A command of the shell that has to succeed; its output is shown when it does not."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command.format(**names)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode:
        raise RuntimeError(f"{command}: exit status {done.returncode}\n{done.stdout[-2000:]}")


def letters(seed, length, table):
    """LENGTH random letters: bytes are mapped by TABLE."""
    return random.Random(seed).randbytes(length).translate(table).decode()


def fasta(path, sequences, width=80):
    with open(path, "w") as f:
        for name, sequence in sequences:
            f.write(f">{name}\n")
            for i in range(0, len(sequence), width):
                f.write(sequence[i:i + width] + "\n")


def fastq(path, sequence, seed, count, length=150):
    rng = random.Random(seed)
    with open(path, "w") as f:
        for i in range(count):
            at = rng.randrange(len(sequence) - length)
            f.write(f"@r{i}\n{sequence[at:at + length]}\n+\n{'I' * length}\n")


def random_file(path, seed, size):
    rng = random.Random(seed)
    with open(path, "wb") as f:
        for at in range(0, size, 1 << 24):
            f.write(rng.randbytes(min(1 << 24, size - at)))

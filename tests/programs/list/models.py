"""Models and arrays."""
from suite.case import NONE, Own, absent, case
from suite.inputs import random_file, sh

import os

GROUP = "Models and arrays"
DRIVE = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "drive")


def arrays(folder, at):
    sh("/usr/bin/python3 -c 'import numpy; a = numpy.random.default_rng(1).random(12_500_000);"
       "numpy.save(\"{d}/a.npy\", a); numpy.savez(\"{d}/a.npz\", a=a); a.tofile(\"{d}/a.raw\")'", d=folder)


def pickles(folder, at):
    sh("/usr/bin/python3 -c 'import pickle, random; r = random.Random(2);"
       "d = dict((i, r.randbytes(10_000_000)) for i in range(12));"
       "[pickle.dump(d, open(\"{d}/p%d.pickle\" % p, \"wb\"), protocol=p) for p in (4, 5)]'", d=folder)


def bytes_file(folder, at):
    random_file(folder + "/a.bin", 3, 120_000_000)


def fasttext_model(folder, at):
    """A model of random sentences with a large table of n-grams."""
    import random
    rng = random.Random(4)
    with open(folder + "/train.txt", "w") as f:
        for _ in range(3000):
            f.write(f"__label__{rng.randrange(5)} " + " ".join(f"word{rng.randrange(3000)}" for _ in range(8)) + "\n")
    with open(folder + "/test.txt", "w") as f:
        for _ in range(2000):
            f.write(" ".join(f"word{rng.randrange(3000)}" for _ in range(8)) + "\n")
    sh("fasttext supervised -input {d}/train.txt -output {d}/m -dim 30 -bucket 1000000 -wordNgrams 2 -epoch 1 -thread 1"
       " -seed 1; rm {d}/m.vec", d=folder)


def picture(folder, at):
    """A page of text, drawn by the terminal font of tesseract's own test: the simplest bitmap letters."""
    sh("{{ for i in $(seq 1 12); do echo 'the quick brown fox jumps over the lazy dog 0123456789'; done; }} >{d}/t.txt;"
       "/usr/bin/python3 {drive}/draw.py {d}/t.txt {d}/t.pgm", d=folder, drive=DRIVE)


def dictionary(folder, at):
    import random
    rng = random.Random(6)
    words = sorted({"".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randrange(5, 13))) for _ in range(400_000)})
    with open(folder + "/big.aff", "w") as f:
        f.write("SET UTF-8\nTRY esianrtolcdugmphbyfvkwz\n")
    with open(folder + "/big.dic", "w") as f:
        f.write(f"{len(words)}\n" + "\n".join(words) + "\n")
    with open(folder + "/text", "w") as f:
        f.write("\n".join(words[::4000]) + "\nqqqqqq\n")


def r_data(folder, at):
    sh("Rscript -e 'set.seed(1); x <- runif(12500000); saveRDS(x, \"{d}/plain.rds\", compress = FALSE);"
       "saveRDS(x[1:3000000], \"{d}/packed.rds\"); f <- file(\"{d}/a.bin\", \"wb\"); writeBin(x, f); close(f)'", d=folder)


PY = "/usr/bin/python3 {drive}/load.py "

case("python read", GROUP, ["python3"], [bytes_file], "{bytes_file}/a.bin", PY + "read {bytes_file}/a.bin",
     "one read", load=PY + "-read {bytes_file}/a.bin")
case("numpy load .npy", GROUP, ["python3-numpy"], [arrays], "{arrays}/a.npy", PY + "npy {arrays}/a.npy", "one fread",
     load=PY + "-npy {arrays}/a.npy", own=Own("mmap_mode", PY + "mapped {arrays}/a.npy"))
case("numpy load .npz", GROUP, ["python3-numpy"], [arrays], "{arrays}/a.npz", PY + "npz {arrays}/a.npz",
     "read, 256 KiB, through a buffer", load=PY + "-npz {arrays}/a.npz", kept=True)
case("numpy fromfile", GROUP, ["python3-numpy"], [arrays], "{arrays}/a.raw", PY + "fromfile {arrays}/a.raw",
     "one fread", load=PY + "-fromfile {arrays}/a.raw")
case("pickle, protocol 4", GROUP, ["python3"], [pickles], "{pickles}/p4.pickle", PY + "pickle {pickles}/p4.pickle",
     "read, one for each large object", load=PY + "-pickle {pickles}/p4.pickle")
case("pickle, protocol 5", GROUP, ["python3"], [pickles], "{pickles}/p5.pickle", PY + "pickle {pickles}/p5.pickle",
     "read, one for each large object", load=PY + "-pickle {pickles}/p5.pickle")
case("fastText", GROUP, ["fasttext"], [fasttext_model], "{fasttext_model}/m.bin",
     "{drive}/fed {fasttext_model}/test.txt fasttext predict {fasttext_model}/m.bin -",
     "ifstream::read, one for the matrix", load="fasttext predict {fasttext_model}/m.bin /dev/null",
     steady=True, why="fills its vectors with zeros before it reads; afterwards they are shared")
case("tesseract", GROUP, ["tesseract-ocr", "tesseract-ocr-eng"], [picture],
     "/usr/share/tesseract-ocr/5/tessdata/eng.traineddata", "tesseract {picture}/t.pgm -", "one fread", kind=NONE,
     why="its model is unpacked into objects of its own and the file's bytes are freed")
case("hunspell", GROUP, ["hunspell"], [dictionary], "{dictionary}/big.dic",
     "hunspell -l -d {dictionary}/big {dictionary}/text", "ifstream::getline, 8 KiB", kind=NONE,
     why="parses lines into a hash table of its own")
case("R readRDS", GROUP, ["r-base-core"], [r_data], "{r_data}/plain.rds", "Rscript {drive}/load.R rds {r_data}/plain.rds",
     "read through zlib, 8 KiB; 32 KiB out of it at a time", kind=NONE,
     why="numbers are stored big-endian and converted one by one")
case("R readRDS, packed", GROUP, ["r-base-core"], [r_data], "{r_data}/packed.rds",
     "Rscript {drive}/load.R rds {r_data}/packed.rds", "read through zlib", kind=NONE, why="unpacks")
case("R readBin", GROUP, ["r-base-core"], [r_data], "{r_data}/a.bin", "Rscript {drive}/load.R bin {r_data}/a.bin",
     "fread, 4 KiB, through a buffer", kept=True)
absent("vowpal-wabbit", GROUP)

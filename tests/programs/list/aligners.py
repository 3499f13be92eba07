"""Aligners and classifiers: programs that load an index, and tools around them."""
import os

from suite.case import LOADER, NONE, READER, Own, case
from suite.inputs import AMINO, BASES, fasta, fastq, letters, sh

GROUP = "Aligners and classifiers"


def genome(folder, at):
    text = letters(7, 24_000_000, BASES)
    fasta(folder + "/g.fa", [(f"chr{i + 1}", text[i * 8_000_000:(i + 1) * 8_000_000]) for i in range(3)])
    fastq(folder + "/reads.fq", text[:8_000_000], 8, 10000)
    fastq(folder + "/one.fq", text[:8_000_000], 9, 1)


def large_genome(folder, at):
    text = letters(17, 160_000_000, BASES)
    fasta(folder + "/g.fa", [(f"chr{i + 1}", text[i * 20_000_000:(i + 1) * 20_000_000]) for i in range(8)])
    fastq(folder + "/reads.fq", text[:20_000_000], 18, 20000)
    fastq(folder + "/one.fq", text[:20_000_000], 19, 1)


def small_genome(folder, at):
    text = letters(7, 12_000_000, BASES)
    fasta(folder + "/g.fa", [("chr1", text)])


def bwa_index(folder, at):
    sh("bwa index -p {d}/g {g}/g.fa", d=folder, g=at(genome))


def large_bwa_index(folder, at):
    sh("timeout 3600 bwa index -p {d}/g {g}/g.fa", d=folder, g=at(large_genome))


def bowtie2_index(folder, at):
    sh("bowtie2-build -q --threads 2 --seed 1 {g}/g.fa {d}/g", d=folder, g=at(genome))


def large_bowtie2_index(folder, at):
    sh("timeout 7200 bowtie2-build -q --threads 2 --seed 1 {g}/g.fa {d}/g", d=folder, g=at(large_genome))


def hisat2_index(folder, at):
    sh("hisat2-build -q -p 2 --seed 1 {g}/g.fa {d}/g", d=folder, g=at(genome))


def kraken2_build(folder, reference):
    """A taxonomy of one species, written by hand: kraken2-build would download one."""
    os.makedirs(folder + "/db/taxonomy")
    ranks = [(1, 1, "no rank", "root"), (2, 1, "superkingdom", "Bacteria"), (9, 2, "species", "Testus unus")]
    with open(folder + "/db/taxonomy/nodes.dmp", "w") as nodes, \
            open(folder + "/db/taxonomy/names.dmp", "w") as names:
        for number, parent, rank, name in ranks:
            nodes.write(f"{number}\t|\t{parent}\t|\t{rank}\t|\t-\t|\n")
            names.write(f"{number}\t|\t{name}\t|\t\t|\tscientific name\t|\n")
    open(folder + "/db/taxonomy/nucl_gb.accession2taxid", "w").close()
    sh("sed 's/^>/>kraken:taxid|9|/' {g}/g.fa >{d}/lib.fa; kraken2-build --no-masking --add-to-library {d}/lib.fa --db {d}/db;"
       "timeout 3600 kraken2-build --build --threads 2 --db {d}/db; rm -r {d}/lib.fa {d}/db/library", d=folder, g=reference)


def kraken2_index(folder, at):
    kraken2_build(folder, at(genome))


def large_kraken2_index(folder, at):
    kraken2_build(folder, at(large_genome))


def star_index(folder, at):
    sh("cd {d}; STAR --runMode genomeGenerate --runThreadN 2 --genomeDir {d} --genomeFastaFiles {g}/g.fa"
       " --genomeSAindexNbases 11 --outFileNamePrefix {d}/", d=folder, g=at(small_genome))


def minimap2_index(folder, at):
    sh("minimap2 -t 2 -x sr -d {d}/g.mmi {g}/g.fa", d=folder, g=at(genome))


def proteins(folder, at):
    text = letters(11, 9_000_000, AMINO)
    fasta(folder + "/p.fa", [(f"p{i}", text[i * 600:(i + 1) * 600]) for i in range(len(text) // 600)])
    fasta(folder + "/query.fa", [(f"q{i}", text[i * 99_000:i * 99_000 + 300]) for i in range(5)])


def blast_db(folder, at):
    sh("makeblastdb -in {p}/p.fa -dbtype prot -out {d}/p", d=folder, p=at(proteins))


def diamond_db(folder, at):
    sh("diamond makedb --quiet --threads 2 --in {p}/p.fa --db {d}/p", d=folder, p=at(proteins))


def faidx(folder, at):
    sh("cp {g}/g.fa {d}/g.fa; samtools faidx {d}/g.fa", d=folder, g=at(genome))
    with open(folder + "/regions", "w") as f:
        for i in range(60000):
            start = (i * 7919 * 131) % 7_900_000 + 1
            f.write(f"chr{i % 3 + 1}:{start}-{start + 499}\n")


def bam(folder, at):
    """Alignments from a seed; the reads need not fit the genome."""
    import random
    rng = random.Random(5)
    places = sorted(rng.randrange(1, 19_000_000) for _ in range(1_000_000))
    bases = letters(12, 1 << 20, BASES)
    with open(folder + "/a.sam", "w") as f:
        f.write("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:20000000\n")
        for i, place in enumerate(places):
            at_ = rng.randrange((1 << 20) - 100)
            f.write(f"r{i}\t0\tchr1\t{place}\t60\t100M\t*\t0\t0\t{bases[at_:at_ + 100]}\t{'F' * 100}\n")
    sh("samtools view -@2 -b -o {d}/a.bam {d}/a.sam; samtools index {d}/a.bam; rm {d}/a.sam", d=folder)
    with open(folder + "/regions", "w") as f:
        f.write(" ".join(f"chr1:{i * 91_009 % 1_900_000 + 1}-{i * 91_009 % 1_900_000 + 1000}" for i in range(3000)))


case("bwa mem", GROUP, ["bwa"], [genome, bwa_index], "{bwa_index}/g.*",
     "bwa mem {bwa_index}/g {genome}/reads.fq", "fread, 16 MiB steps",
     load="bwa mem {bwa_index}/g {genome}/one.fq", read_files="{bwa_index}/g.[bsp]*",
     own=Own("bwa shm", "bwa mem {bwa_index}/g {genome}/reads.fq", "bwa shm {bwa_index}/g", "bwa shm -d"))
case("bowtie2", GROUP, ["bowtie2"], [genome, bowtie2_index], "{bowtie2_index}/*.bt2",
     "bowtie2 --reorder -x {bowtie2_index}/g -U {genome}/reads.fq", "fread, one for each array",
     load="bowtie2 -x {bowtie2_index}/g -U {genome}/one.fq", read_files="{bowtie2_index}/g.*[14].bt2:{bowtie2_index}/g.2.bt2",
     own=Own("--mm", "bowtie2 --mm --reorder -x {bowtie2_index}/g -U {genome}/reads.fq"))
case("hisat2", GROUP, ["hisat2"], [genome, hisat2_index], "{hisat2_index}/*.ht2",
     "hisat2 -x {hisat2_index}/g -U {genome}/reads.fq", "fread, one for each array",
     load="hisat2 -x {hisat2_index}/g -U {genome}/one.fq", read_files="{hisat2_index}/g.[124].ht2",
     why="the local indexes (.5, .6) go to thousands of small arrays; they count as the program's own memory here",
     own=Own("--mm", "hisat2 --mm -x {hisat2_index}/g -U {genome}/reads.fq"))
case("kraken2", GROUP, ["kraken2"], [genome, kraken2_index], "{kraken2_index}/db/*.k2d",
     "kraken2 --db {kraken2_index}/db {genome}/reads.fq", "ifstream::read, one for the table",
     load="kraken2 --db {kraken2_index}/db {genome}/one.fq", read_files="{kraken2_index}/db/hash.k2d",
     own=Own("--memory-mapping", "kraken2 --memory-mapping --db {kraken2_index}/db {genome}/reads.fq"))
case("bwa mem, larger", GROUP, ["bwa"], [large_genome, large_bwa_index], "{large_bwa_index}/g.*",
     "bwa mem {large_bwa_index}/g {large_genome}/reads.fq", "fread, 16 MiB steps",
     load="bwa mem {large_bwa_index}/g {large_genome}/one.fq", read_files="{large_bwa_index}/g.[bsp]*",
     own=Own("bwa shm", "bwa mem {large_bwa_index}/g {large_genome}/reads.fq", "bwa shm {large_bwa_index}/g", "bwa shm -d"))
case("bowtie2, larger", GROUP, ["bowtie2"], [large_genome, large_bowtie2_index], "{large_bowtie2_index}/*.bt2",
     "bowtie2 --reorder -x {large_bowtie2_index}/g -U {large_genome}/reads.fq", "fread, one for each array",
     load="bowtie2 -x {large_bowtie2_index}/g -U {large_genome}/one.fq",
     read_files="{large_bowtie2_index}/g.*[14].bt2:{large_bowtie2_index}/g.2.bt2",
     own=Own("--mm", "bowtie2 --mm --reorder -x {large_bowtie2_index}/g -U {large_genome}/reads.fq"))
case("kraken2, larger", GROUP, ["kraken2"], [large_genome, large_kraken2_index], "{large_kraken2_index}/db/*.k2d",
     "kraken2 --db {large_kraken2_index}/db {large_genome}/reads.fq", "ifstream::read, one for the table",
     load="kraken2 --db {large_kraken2_index}/db {large_genome}/one.fq", read_files="{large_kraken2_index}/db/hash.k2d",
     own=Own("--memory-mapping", "kraken2 --memory-mapping --db {large_kraken2_index}/db {large_genome}/reads.fq"))
case("STAR", GROUP, ["rna-star"], [genome, star_index], "{star_index}/*",
     "{drive}/star {star_index} {genome}/reads.fq NoSharedMemory", "ifstream::read, one for each array",
     load="{drive}/star {star_index} {genome}/one.fq NoSharedMemory", read_files="{star_index}/[GS]*[!t]",
     own=Own("LoadAndKeep", "{drive}/star {star_index} {genome}/reads.fq LoadAndKeep",
             "{drive}/star {star_index} {genome}/one.fq LoadAndExit", "{drive}/star {star_index} {genome}/one.fq Remove"))
case("minimap2", GROUP, ["minimap2"], [genome, minimap2_index], "{minimap2_index}/*.mmi",
     "minimap2 -a -x sr -t 1 {minimap2_index}/g.mmi {genome}/reads.fq", "fread, small pieces",
     load="minimap2 -a -x sr -t 1 {minimap2_index}/g.mmi {genome}/one.fq", kind=NONE,
     why="builds hash tables of its own from pieces of a few bytes to kilobytes; only the sequence is lent")
case("blastp", GROUP, ["ncbi-blast+"], [proteins, blast_db], "{blast_db}/p.*",
     "blastp -task blastp-fast -db {blast_db}/p -query {proteins}/query.fa -evalue 1e-9 -outfmt 6", "mmap",
     kind=NONE, why="maps its files already")
case("DIAMOND", GROUP, ["diamond-aligner"], [proteins, diamond_db], "{diamond_db}/p.dmnd",
     "diamond blastp --quiet --threads 1 --db {diamond_db}/p --query {proteins}/query.fa", "read, blocks", kind=NONE,
     why="reads its database in blocks, and frees them while it works")
case("samtools faidx", GROUP, ["samtools"], [genome, faidx], "{faidx}/g.fa",
     "samtools faidx -r {faidx}/regions {faidx}/g.fa", "lseek + read, up to 32 KiB", kind=READER, pool="64M")
case("samtools view", GROUP, ["samtools"], [bam], "{bam}/a.bam",
     "{drive}/bam {bam}", "lseek + read, 32 KiB", kind=READER, pool="64M")

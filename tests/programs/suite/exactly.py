"""The programs of tests/programs/exact, and what they work on.

A command is run by bash in a folder that holds the inputs.  Packages are looked for; a
program of which one is not installed is passed over.  Inputs are made by commands as well, from seeds.
"""
import collections
import os
import random
import subprocess

Case = collections.namedtuple("Case", "name packages command")
CASES = []


def program(name, packages, command):
    CASES.append(Case(name, packages.split(), command))


def installed(case):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Status}\n", *case.packages], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.count("install ok installed") == len(case.packages)


def install(cases):
    root = [] if os.geteuid() == 0 else ["sudo"]
    for case in cases:
        if not installed(case):
            subprocess.run([*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends",
                            "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Use-Pty=0", "install", *case.packages],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def make_inputs(folder, cases):
    """Only what the commands name, by its first word."""
    wanted = " ".join(c.command for c in cases)
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randrange(2, 11))) for _ in range(5000)]

    def write(name, data):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)

    write("blob", random.Random(2).randbytes(12_000_003))
    lines = [" ".join(rng.choices(words, k=9)) for _ in range(120_000)]
    write("text", ("\n".join(lines) + "\n").encode())
    write("zeros", bytes(3_000_000) + b"end" + bytes(2_000_000))
    write("csv", ("a,b,c\n" + "".join(f"{i},{i * 7919 % 100003},{w}\n" for i, w in enumerate(words * 30))).encode())
    write("json", ("[" + ",".join(f'{{"n":{i},"w":"{w}"}}' for i, w in enumerate(words * 20)) + "]").encode())
    bases = random.Random(3).randbytes(3_000_000).translate(bytes(ord("ACGT"[i & 3]) for i in range(256))).decode()
    write("fa", (">chr1\n" + "\n".join(bases[i:i + 80] for i in range(0, len(bases), 80)) + "\n").encode())
    places = sorted(rng.randrange(1, 2_900_000) for _ in range(20_000))
    write("fq", "".join(f"@r{i}\n{bases[p:p + 100]}\n+\n{'I' * 100}\n" for i, p in enumerate(places)).encode())
    write("sam", ("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:3000000\n" + "".join(
        f"r{i}\t0\tchr1\t{p + 1}\t60\t100M\t*\t0\t0\t{bases[p:p + 100]}\t{'I' * 100}\n" for i, p in enumerate(places))).encode())
    write("vcf", ("##fileformat=VCFv4.2\n##contig=<ID=chr1,length=3000000>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
                  + "".join(f"chr1\t{p + 1}\t.\t{bases[p]}\t{'ACGT'['CGTA'.index(bases[p])]}\t50\tPASS\t.\n"
                            for p in sorted(set(places)))).encode())
    write("bed", "".join(f"chr1\t{p}\t{p + 150}\tb{i}\n" for i, p in enumerate(places)).encode())
    write("ppm", b"P6 1600 1200 255\n" + random.Random(4).randbytes(1600 * 1200 * 3))
    for name, make in MADE.items():
        if name in wanted:
            subprocess.run(["bash", "-euc", make], cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)


# Inputs that are made with a program, when a command names them.
MADE = {
    "arrays.npy": "/usr/bin/python3 -c 'import numpy; a = numpy.random.default_rng(1).random(1000000); numpy.save(\"arrays.npy\", a);"
                  " numpy.savez(\"arrays.npz\", a=a); numpy.savez_compressed(\"packed.npz\", a=numpy.arange(3000000))'",
    "base.db": "sqlite3 base.db 'create table t(i integer primary key, w text); with recursive c(x) as (select 1 union all"
               " select x + 1 from c where x < 200000) insert into t select x, hex(x * 7919) || \" word\" from c; create index w on t(w);'",
    "repo.git": "git init -q repo.git; cd repo.git; git config user.name a; git config user.email a@b;"
                " for i in 1 2 3 4 5; do head -c $((i * 1500000)) ../blob >b; head -n $((i * 9000)) ../text >t; git add .;"
                " GIT_AUTHOR_DATE=2020-01-01T00:00:0${i}Z GIT_COMMITTER_DATE=2020-01-01T00:00:0${i}Z git commit -qm $i; done;"
                " git -c pack.threads=1 repack -adq",
    "all.tar": "tar --mtime=@0 -cf all.tar blob text zeros",
    "all.zip": "TZ=UTC touch -d @1000000000 blob text zeros; zip -qX all.zip blob text zeros",
    "sound.wav": "/usr/bin/python3 -c 'import wave, random; w = wave.open(\"sound.wav\", \"wb\"); w.setparams((2, 2, 44100, 0, \"NONE\", \"\"));"
                 " w.writeframes(random.Random(5).randbytes(4000000))'",
    "picture.png": "convert ppm picture.png",
    "sorted.bam": "samtools view -b -o sorted.bam sam; samtools index sorted.bam",
    "calls.vcf.gz": "bgzip -c vcf >calls.vcf.gz; tabix -p vcf calls.vcf.gz",
    "code.c": "{ echo '#include <stdio.h>'; for i in $(seq 4000); do echo \"int f$i(int x) { return x * $i + 1; }\"; done;"
              " echo 'int main(void) { printf(\"%d\\n\", f7(6)); return 0; }'; } >code.c",
    "data.h5": "/usr/bin/python3 -c 'import h5py, numpy; f = h5py.File(\"data.h5\", \"w\"); a = numpy.random.default_rng(2).random((1000, 1000));"
               " f[\"a\"] = a; f.create_dataset(\"b\", data=a, chunks=(100, 100), compression=\"gzip\")'",
    "data.nc": "/usr/bin/python3 -c 'import netCDF4, numpy; f = netCDF4.Dataset(\"data.nc\", \"w\"); f.createDimension(\"x\", 1000000);"
               " v = f.createVariable(\"v\", \"f8\", (\"x\",)); v[:] = numpy.random.default_rng(3).random(1000000)'",
    "plain.rds": "Rscript -e 'set.seed(1); x <- runif(1e6); saveRDS(x, \"plain.rds\", compress = FALSE); saveRDS(x, \"packed.rds\")'",
    "disk.img": "truncate -s 16M disk.img; mkfs.ext4 -q -F -d /usr/share/common-licenses disk.img || /sbin/mkfs.ext4 -q -F disk.img",
}

PY = "/usr/bin/python3 -c "

# ---- coreutils and their like ----
program("cat", "coreutils", "cat blob text | sha1sum; cat text - <blob | wc -c; cat <zeros >copy; cat blob blob >>copy")
program("cp", "coreutils", "cp blob copy; cp --sparse=always zeros thin; cp --reflink=never text t2; cmp blob copy; cp -a . ../copies; rm -r ../copies")
program("dd", "coreutils", "dd if=blob of=copy bs=4k skip=3 seek=2 count=999 status=none; dd if=blob bs=1M iflag=fullblock status=none | md5sum;"
        " dd if=text of=copy2 bs=777 conv=ucase status=none; dd if=blob bs=64k skip=1000k iflag=skip_bytes,count_bytes count=100k status=none | md5sum")
program("head and tail", "coreutils", "head -n 5 text; tail -n 5 text; tail -c 1000 blob | md5sum; head -c -100 blob | md5sum; tail -n +100000 text | md5sum; tac text | md5sum")
program("tail -f", "coreutils", "cp text log; timeout 3 tail -n 3 -f log >seen & sleep 1; echo one >>log; sleep .5; : >log; sleep .3; echo two >>log; wait; cat seen")
program("sort", "coreutils", "sort text | md5sum; sort -t, -k2n csv | md5sum; sort -u -S 1M -T . text | md5sum; sort -m text text | md5sum; sort --parallel=2 -R --random-source=blob text | md5sum")
program("wc", "coreutils", "wc text blob zeros csv; wc -l <text; wc -c <blob; { read -r line; wc -l; } <text; wc --files0-from=<(printf 'text\\0blob')")
program("checksums", "coreutils", "md5sum blob text zeros; sha256sum blob; b2sum text; cksum zeros; sum blob; sha1sum <text; md5sum blob >s; md5sum -c s")
program("split and join", "coreutils", "split -b 1M blob part.; cat part.* | cmp - blob; split -n 7 text n.; split -n l/5 text l.; csplit -s text 5000 50000; rm -f part.*")
program("cut, paste, tr, uniq, nl, fold", "coreutils", "cut -d, -f2 csv | md5sum; paste csv text | md5sum; tr a-z A-Z <text | md5sum; sort csv | uniq -c | md5sum; nl text | md5sum; fold -w 33 text | md5sum; od -An -tx1 blob | md5sum; comm csv csv | md5sum; shuf --random-source=blob text | md5sum; base64 blob | md5sum; tsort <<<'a b'; pr text | wc -l; expand text | md5sum; fmt text | md5sum; ptx -G <(head -n 99 text) | md5sum; numfmt --to=iec <<<12345")
program("cmp and diff", "diffutils", "cmp blob blob; cp blob b2; printf x | dd of=b2 bs=1 seek=9000000 conv=notrunc status=none; cmp blob b2 || true; cp text t2; sed -i 77000d t2; diff text t2 || true; diff -rq . . ; sdiff -s text t2 | head || true")
program("truncate and shred", "coreutils", "cp blob c; truncate -s 5000000 c; md5sum c; cat c >>c2; truncate -s 7M c; md5sum c; shred -n1 -u --random-source=blob c2")
program("tee", "coreutils", "tee a b <blob | md5sum; cmp a b; { head -c 100; tee c; } <blob | md5sum")
program("shell readers", "bash dash", "while read -r a b; do [ \"$a\" ] && n=$((n + 1)); done < <(head -n 20000 text); echo $n; mapfile -t m <text; echo ${#m[@]}; dash -c 'i=0; while read -r x; do i=$((i + 1)); [ $i -lt 5000 ] || break; done <text; echo $i $x'; { read -r x; read -r y; cat; } <text | md5sum; x=$(<csv); echo ${#x}; exec 5<text; read -r -u 5 l; cat <&5 | md5sum; read -r l <&5 || echo end")
program("grep", "grep", "grep -c ab text; grep -n 'zz.*q' text | md5sum; grep -ob end zeros -a; grep -rl abc . | sort; grep -c . - <csv; grep -m 3 a text; { grep -m 2 a; head -n 1; } <text; grep -z -c x blob || true; grep -P -c '\\bq\\w+z\\b' text || true")
program("sed", "sed", "sed -n '5p;99999p' text; sed 's/a/b/g' text | md5sum; cp text t; sed -i.bak '/q/d' t; md5sum t; sed -n '$=' text")
program("awk", "gawk mawk", "gawk -F, '{ s += $2 } END { print s, NR }' csv; mawk -F, '{ s += $2 } END { print s, NR }' csv; gawk 'BEGIN { while ((getline l < \"text\") > 0) n++; close(\"text\"); print n; getline l < \"text\"; print l }'; gawk -v RS='\\0' 'END { print NR }' zeros")
program("find and xargs", "findutils", ": blob text csv zeros; find . -type f -size +1M -printf '%f %s\\n' | sort; find . -type f -print0 | sort -z | xargs -0 -P 2 -n 1 wc -c | sort")
program("xxd, hexdump, strings", "binutils bsdextrautils", "hexdump -C blob | md5sum; hexdump -C zeros; strings -n 8 blob | md5sum; column -s, -t csv | md5sum; look aa text | md5sum; rev text | md5sum")
program("busybox", "busybox", "busybox md5sum blob; busybox wc text; busybox sort text | md5sum; busybox gzip -c blob | md5sum; busybox grep -c a text; busybox tail -n 3 text; busybox dd if=blob bs=1M 2>/dev/null | busybox sha256sum; busybox cmp blob blob; busybox vi -c q text </dev/null >/dev/null 2>&1 || true")
program("less", "less", "less text | md5sum; less -N csv | md5sum; LESSOPEN= less blob | md5sum")
program("file", "file", "file -b blob text zeros csv json fa ppm; file -i /usr/bin/bash /bin/ls")

# ---- compressors and archives ----
program("gzip", "gzip", "gzip -nk blob; gzip -tv blob.gz; zcat blob.gz | md5sum; gzip -n1 <text >t.gz; zgrep -c ab t.gz; gunzip -c t.gz | cmp - text; gzip -l blob.gz")
program("pigz", "pigz", "pigz -nk -p 2 text; md5sum text.gz; pigz -dc text.gz | cmp - text; unpigz -t text.gz")
program("bzip2", "bzip2", "bzip2 -k text; bunzip2 -c text.bz2 | cmp - text; bzip2 -t text.bz2; bzcat text.bz2 | head -n 3; bzip2recover text.bz2 >/dev/null 2>&1; ls rec* | wc -l")
program("xz", "xz-utils", "xz -k -0 blob; xz -t blob.xz; xzcat blob.xz | cmp - blob; xz --list --robot blob.xz; xz -T2 -1 -c text | md5sum; xz -dc <blob.xz | md5sum")
program("zstd", "zstd", "zstd -qk blob; zstd -qd -c blob.zst | cmp - blob; zstd -q -T2 -9 -c csv | md5sum; zstd -q --train -B4096 text -o dict; zstd -q -D dict json; zstd -q -D dict -d -c json.zst | cmp - json; zstd --patch-from=text -q csv -o p; zstd -q --patch-from=text -d p -c | cmp - csv; zstd -lv blob.zst | grep -c Check")
program("lz4", "lz4", "lz4 -q blob b.lz4; lz4 -q -dc b.lz4 | cmp - blob; lz4 -q -t b.lz4")
program("7z", "p7zip-full", "7z a -bd -mtm=off -mmt=off a.7z blob text >/dev/null; 7z t -bd a.7z >/dev/null; 7z x -so a.7z | md5sum; 7z a -bd -tzip -mtc=off a.zip text >/dev/null; 7z e -so a.zip | cmp - text")
program("tar", "tar", "tar tvf all.tar --full-time; tar xOf all.tar text | md5sum; mkdir x; tar xf all.tar -C x; cmp x/blob blob; tar --mtime=@0 -czf a.tgz text csv; tar tzf a.tgz; tar df all.tar; cp all.tar b.tar; tar --mtime=@0 -rf b.tar csv; tar tf b.tar; tar --delete -f b.tar text; tar tf b.tar")
program("zip", "zip unzip", "unzip -l all.zip; unzip -p all.zip text | md5sum; unzip -t all.zip; unzip -q all.zip -d x; cmp x/zeros zeros; zipinfo -1 all.zip; zip -q -d all.zip zeros; unzip -l all.zip | tail -n 1; zip -T all.zip")
program("cpio", "cpio", "printf 'blob\\ntext\\n' | cpio -o --quiet -H newc --reproducible >a.cpio; cpio -it --quiet <a.cpio; mkdir x; cd x; cpio -i --quiet <../a.cpio; cmp blob ../blob")
program("squashfs-tools", "squashfs-tools", "mksquashfs blob text zeros s.img -no-progress -all-time 0 -mkfs-time 0 -processors 2 >/dev/null; unsquashfs -no-progress -d x s.img >/dev/null; cmp x/blob blob; unsquashfs -cat s.img text | cmp - text")
program("genisoimage", "genisoimage", "genisoimage -quiet -R -o a.iso blob text; isoinfo -R -i a.iso -x /text | cmp - text; isoinfo -f -R -i a.iso; rm a.iso")  # it holds the time of its making
program("ar and binutils", "binutils", "readelf -a /usr/bin/bash | md5sum; objdump -d /usr/bin/wc | md5sum; nm -D /bin/bash | md5sum; cp /bin/bash b; strip -o s b; cmp s b && true; ar rcsD a.a blob text; ar p a.a text | cmp - text; ar tv a.a; size b; addr2line -e b 0x1000; objcopy --only-section=.rodata b r")

# ---- genomics ----
program("samtools", "samtools", "samtools view -c sorted.bam; samtools view sorted.bam chr1:10000-90000 chr1:5000-6000 | md5sum; samtools sort -@2 -m 5M -o s2.bam sorted.bam; samtools view s2.bam | md5sum; samtools flagstat sorted.bam; samtools depth sorted.bam | md5sum; samtools idxstats sorted.bam; samtools faidx fa; samtools faidx fa chr1:100000-200000 | md5sum; samtools view -C -T fa -o a.cram sorted.bam; samtools view -T fa a.cram | md5sum; samtools mpileup -f fa sorted.bam 2>/dev/null | md5sum; samtools quickcheck sorted.bam; samtools view -b sorted.bam | samtools view -c -")
program("bcftools", "bcftools tabix samtools", "bcftools view calls.vcf.gz chr1:100000-300000 | grep -v '^##' | md5sum; bcftools stats calls.vcf.gz | grep -v '^#' | md5sum; bcftools view --no-version -Ob -o c.bcf calls.vcf.gz; bcftools index c.bcf; bcftools query -r chr1:5-99999 -f '%POS %REF\\n' c.bcf | md5sum; bcftools norm --no-version -f fa calls.vcf.gz 2>/dev/null | md5sum; bcftools isec -C calls.vcf.gz c.bcf | wc -l")
program("tabix", "tabix", "tabix calls.vcf.gz chr1:1000-500000 | md5sum; bgzip -b 100000 -s 500 calls.vcf.gz | md5sum; bgzip -@2 -c text >t.gz; bgzip -dc t.gz | cmp - text; bgzip -r t.gz; bgzip -b 4000000 -s 1000 t.gz | md5sum; htsfile calls.vcf.gz")
program("bedtools", "bedtools", "bedtools intersect -a bed -b bed -c | md5sum; bedtools merge -i bed | md5sum; bedtools getfasta -fi fa -bed bed | md5sum; bedtools coverage -a bed -b sorted.bam | md5sum; bedtools genomecov -ibam sorted.bam | md5sum; bedtools bamtobed -i sorted.bam | md5sum")
program("jellyfish", "jellyfish", "jellyfish count -m 21 -s 4M -t 2 -C -o j.jf fa; jellyfish histo j.jf; jellyfish query j.jf ACGTACGTACGTACGTACGTA; jellyfish dump -c j.jf | sort | md5sum; jellyfish stats j.jf; rm j.jf")
program("bwa", "bwa samtools", "bwa index fa 2>/dev/null; bwa mem -t 2 fa fq 2>/dev/null | grep -v '^@PG' | sort | md5sum; bwa aln fa fq 2>/dev/null >a.sai; bwa samse fa a.sai fq 2>/dev/null | grep -v '^@PG' | md5sum; bwa fastmap fa fq 2>/dev/null | md5sum")
program("bowtie2", "bowtie2", "bowtie2-build -q --seed 1 fa i; bowtie2 -p 2 --reorder -x i -U fq 2>/dev/null | grep -v '^@PG' | md5sum; bowtie2-inspect i | md5sum")
program("minimap2", "minimap2", "minimap2 -x sr -a fa fq 2>/dev/null | grep -v '^@PG' | md5sum; minimap2 -d i.mmi fa 2>/dev/null; minimap2 -a i.mmi fq 2>/dev/null | grep -v '^@PG' | md5sum")
program("BLAST+", "ncbi-blast+", "makeblastdb -in fa -dbtype nucl -out n >/dev/null; head -n 2 fq | sed 's/^@/>/' >q; blastn -db n -query q -outfmt 6; blastdbcmd -db n -entry all -range 5-500 | md5sum")
program("hmmer and seqtk", "seqtk", "seqtk seq -a fq | md5sum; seqtk sample -s1 fq 100 | md5sum; seqtk comp fa; seqtk subseq fa bed | md5sum")
program("fastp and vsearch", "vsearch", "vsearch --fastq_filter fq --fastaout o.fa --quiet; md5sum o.fa; vsearch --derep_fulllength o.fa --output d.fa --quiet; vsearch --search_exact o.fa --db o.fa --blast6out h --quiet --threads 1; md5sum h")
program("cd-hit", "cd-hit", "head -n 400 fq | awk 'NR % 4 == 1 { print \">\" $1 } NR % 4 == 2' >q.fa; cd-hit-est -i q.fa -o c -T 1 >/dev/null; md5sum c c.clstr")
program("salmon", "salmon", "awk 'NR % 4 == 1 { print \">\" substr($1, 2) } NR % 4 == 2' fq | head -n 2000 >t.fa; salmon --no-version-check index -t t.fa -i s -k 15 >/dev/null 2>&1; salmon --no-version-check quant -p 1 -i s -l U -r fq -o q >/dev/null 2>&1; sort q/quant.sf | md5sum; rm -rf s q")
program("kallisto", "kallisto", "awk 'NR % 4 == 1 { print \">\" substr($1, 2) } NR % 4 == 2' fq | head -n 2000 >t.fa; kallisto index -k 15 -i k t.fa 2>/dev/null; kallisto quant -i k --single -l 80 -s 5 --plaintext -o q fq 2>/dev/null; md5sum q/abundance.tsv; rm -rf q")
program("mmseqs2", "mmseqs2", "head -n 4000 fq | awk 'NR % 4 == 1 { print \">\" substr($1, 2) } NR % 4 == 2' >q.fa; mmseqs createdb q.fa d -v 0; mmseqs convert2fasta d o.fa -v 0; md5sum o.fa; mmseqs easy-linclust q.fa c t --threads 1 -v 0 >/dev/null; md5sum c_cluster.tsv; rm -rf t")

# ---- searchers and text ----
program("ripgrep", "ripgrep", "rg -c ab text; rg --mmap -c ab text; rg --no-mmap -n 'zz.*q' text | md5sum; rg -l --sort path end . ; : json blob; rg -a -o -b end zeros; rg -z -c ab text")
program("ugrep", "ugrep", "ugrep -c ab text; ugrep -r -l --sort end .; ugrep -n 'zz.*q' text | md5sum")
program("ag", "silversearcher-ag", "ag -c ab text; ag --nommap -c ab text; ag --mmap 'zz.*q' text | md5sum")
program("jq", "jq", "jq 'map(.n) | add' json; jq -c '.[]' json | md5sum; jq -n '[inputs | length]' json; jq --slurpfile x json -n '$x[0][5]'; jq -R . text | md5sum")
program("xml", "libxml2-utils", "{ echo '<r>'; head -n 30000 text | sed 's/.*/<l>&<\\/l>/'; echo '</r>'; } >x.xml; xmllint --noout x.xml; xmllint --xpath 'count(//l)' x.xml; xmllint --stream --noout x.xml; xmllint --format x.xml | md5sum")
program("aspell", "aspell aspell-en", "head -n 2000 text | aspell list -l en | sort | md5sum; echo 'helo wrld' | aspell -a -l en | tail -n +2")
program("hunspell", "hunspell hunspell-en-us", "head -n 2000 text | hunspell -l -d en_US | sort | md5sum")
program("vim", "vim", "vim -N -u NONE -es -c '%s/a/b/ge|w! t2|q!' text; md5sum t2; vim -N -u NONE -es -b -c 'w! b2|q!' blob; cmp blob b2; vim -N -u NONE -es -c 'normal G' -c 'normal dd' -c 'wq' csv; md5sum csv")
program("ed and patch", "ed patch", "printf '5,9d\\nw t2\\nq\\n' | ed -s text; diff -u text t2 >p; patch -s -p0 text <p; cmp text t2")
program("datamash and bc", "datamash bc", "datamash -t, --header-in sum 2 mean 1 unique 3 <csv | md5sum; echo '2^200' | bc")
program("locate", "plocate", "updatedb -l 0 -U . -o db --prunepaths= ; plocate -d db text | sort; rm db")  # a byte of its head is what lay on the stack
program("tesseract", "tesseract-ocr tesseract-ocr-eng imagemagick", "convert -size 400x80 xc:white -fill black -draw 'rectangle 20,20 60,60' p.png; OMP_THREAD_LIMIT=1 tesseract p.png - 2>&1; tesseract --list-langs")

# ---- databases and data frames ----
program("sqlite3", "sqlite3", "sqlite3 base.db 'select count(*), sum(i), max(w) from t; select * from t where i in (5, 77777, 199999); pragma integrity_check'; sqlite3 base.db 'pragma journal_mode=wal; begin; update t set w = w || 1 where i % 7 = 0; delete from t where i % 11 = 0; commit; select count(*), sum(length(w)) from t; pragma wal_checkpoint(truncate); vacuum; pragma integrity_check'; sqlite3 base.db .dump | md5sum; sqlite3 base.db '.backup b2.db'; sqlite3 b2.db 'select md5 from (select count(*) md5 from t)'; sqlite3 base.db 'pragma mmap_size=100000000; select sum(i) from t'; sqlite3 n.db '.mode csv' '.import csv c' 'select sum(b) from c'")
program("sqlite3, several writers", "sqlite3", "for i in 1 2 3 4; do for k in 1 2 3 4 5 6; do sqlite3 -cmd '.timeout 60000' base.db \"begin immediate; update t set w = w || '$i$k' where i between $((i * 1000)) and $((i * 1000 + 500)); commit;\"; done & done; wait; sqlite3 base.db 'select count(*), sum(length(w)) from t; pragma integrity_check'; rm base.db")
program("LMDB", "lmdb-utils python3-lmdb", PY + "'import lmdb; e = lmdb.open(\"l\", map_size=1 << 26); t = e.begin(write=True); [t.put(b\"%06d\" % i, b\"v%d\" % (i * 7)) for i in range(50000)]; t.commit(); print(e.stat()[\"entries\"], e.begin().get(b\"000777\"))'; mdb_stat l | tail -n 1; mdb_dump -p l | md5sum; mdb_copy l/ /dev/stdout 2>/dev/null | wc -c; rm -r l")
program("dbm", "python3-gdbm", PY + "'import dbm.gnu as d; f = d.open(\"g\", \"n\"); [f.__setitem__(b\"%d\" % i, b\"x\" * (i % 300)) for i in range(20000)]; f.close(); f = d.open(\"g\"); print(len(f[b\"299\"]), sum(len(f[k]) for k in f.keys()))'")
program("tinycdb", "tinycdb", "awk 'NR < 50000 { k = \"k\" NR; print \"+\" length(k) \",\" length($0) \":\" k \"->\" $0 } END { print \"\" }' text >in; cdb -c a.cdb in; cdb -q a.cdb k777; cdb -d a.cdb | md5sum; cdb -s a.cdb | head -n 1")
program("redis", "redis-server redis-tools", "redis-server --port 0 --unixsocket $PWD/s --save '' --dbfilename d.rdb --dir $PWD --daemonize yes --logfile $PWD/log >/dev/null; for i in 1 2 3 4 5 6 7 8 9; do redis-cli -s s ping >/dev/null 2>&1 && break; sleep .5; done; redis-cli -s s -x set k <blob; redis-cli -s s eval 'for i = 1, 30000 do redis.call(\"set\", i, i * 7) end' 0; redis-cli -s s save; redis-cli -s s shutdown nosave; redis-check-rdb d.rdb | grep -c OK; redis-server --port 0 --unixsocket $PWD/s --save '' --dbfilename d.rdb --dir $PWD --daemonize yes --logfile $PWD/log >/dev/null; for i in 1 2 3 4 5 6 7 8 9; do [ \"$(redis-cli -s s ping 2>/dev/null)\" = PONG ] && break; sleep .5; done; redis-cli -s s dbsize; redis-cli -s s get 777; redis-cli -s s --no-raw strlen k; redis-cli -s s shutdown nosave; rm -f log d.rdb s")
program("numpy", "python3-numpy", PY + "'import numpy as n; a = n.load(\"arrays.npy\"); b = n.load(\"arrays.npz\")[\"a\"]; c = n.load(\"packed.npz\")[\"a\"]; m = n.load(\"arrays.npy\", mmap_mode=\"r\"); f = n.fromfile(\"blob\", dtype=n.uint8); a += 1; print((a - 1 - b).sum(), c.sum(), m.sum(), f.sum(), n.fromfile(\"blob\", dtype=\"u4\", offset=8, count=99).sum(), n.memmap(\"blob\", dtype=n.uint8, mode=\"r\")[::999].sum()); a.tofile(\"o\"); f[:] = 7; n.save(\"arrays.npy\", a); print(n.load(\"arrays.npy\").sum(), n.loadtxt(\"csv\", delimiter=\",\", skiprows=1, usecols=(0, 1)).sum())'")
program("pandas", "python3-pandas", PY + "'import pandas as p; d = p.read_csv(\"csv\"); print(d.b.sum(), d.describe()); d.to_pickle(\"d.p\"); print(p.read_pickle(\"d.p\").equals(d), len(p.read_json(\"json\")), p.read_csv(\"csv\", memory_map=True).b.sum(), sum(len(c) for c in p.read_csv(\"csv\", chunksize=1000)), len(p.read_csv(\"csv\", engine=\"python\"))); d.to_csv(\"o\")'")
program("scipy", "python3-scipy", PY + "'import numpy as n, scipy.io as s, scipy.sparse as p; s.savemat(\"m.mat\", {\"a\": n.arange(400000.0)}); print(s.loadmat(\"m.mat\")[\"a\"].sum()); m = p.random(1000, 1000, .05, random_state=1, format=\"csr\"); p.save_npz(\"m.npz\", m); print(p.load_npz(\"m.npz\").sum()); from scipy.io import wavfile; r, w = wavfile.read(\"sound.wav\", mmap=True); print(r, w.astype(int).sum(), wavfile.read(\"sound.wav\")[1].astype(int).sum()); s.mmwrite(\"m.mtx\", m); print(s.mmread(\"m.mtx\").sum())'; rm m.mat m.npz")
program("h5py", "python3-h5py", PY + "'import h5py; f = h5py.File(\"data.h5\"); print(f[\"a\"][...].sum(), f[\"b\"][::7, 3:900].sum(), f[\"a\"][500, 10:20]); f.close(); f = h5py.File(\"data.h5\", \"r+\"); f[\"a\"][10:20] = 5; f.flush(); print(f[\"a\"][...].sum()); del f[\"b\"]; f.close(); print(h5py.File(\"data.h5\")[\"a\"][15, 3])'")
program("HDF5 tools", "hdf5-tools python3-h5py", "h5dump -d /a -s 3,3 -c 2,5 data.h5; h5ls -r data.h5; h5repack data.h5 r.h5; h5diff data.h5 r.h5; rm r.h5")
program("netCDF4", "python3-netcdf4", PY + "'import netCDF4; f = netCDF4.Dataset(\"data.nc\"); print(f[\"v\"][:].sum(), f[\"v\"][::1000].sum())'")
program("netCDF tools", "netcdf-bin python3-netcdf4", "ncdump -h data.nc; ncdump data.nc | md5sum; nccopy -k classic data.nc c.nc; ncdump -h c.nc | tail -n 3")
program("sklearn and joblib", "python3-sklearn", PY + "'import joblib, numpy as n; from sklearn.ensemble import RandomForestClassifier as R; r = n.random.RandomState(1); x = r.rand(2000, 20); m = R(50, random_state=1).fit(x, x[:, 0] > .5); joblib.dump((m, x), \"m.j\"); k, y = joblib.load(\"m.j\"); print((k.predict(y) == m.predict(x)).all(), k.predict_proba(y).sum()); print(joblib.load(\"m.j\", mmap_mode=\"r\")[1].sum())'")
program("zarr", "python3-zarr", PY + "'import zarr, numpy as n; z = zarr.open(\"z\", mode=\"w\", shape=(1000, 1000), chunks=(250, 250), dtype=\"f8\"); z[:] = n.random.default_rng(1).random((1000, 1000)); print(zarr.open(\"z\", mode=\"r\")[:].sum())'; rm -r z")
program("GDAL", "gdal-bin", "gdal_translate -q ppm a.tif -co TILED=YES; gdalinfo -checksum a.tif | grep Checksum; gdallocationinfo -valonly a.tif 700 700; gdalwarp -q -ts 500 400 a.tif b.tif; gdalinfo -checksum b.tif | grep Checksum; gdaladdo -q a.tif 2 4; gdalinfo -checksum a.tif | grep Overview; gdal_translate -q -of PNG a.tif a.png 2>/dev/null; md5sum a.png")
program("R", "r-base-core", "Rscript -e 'x <- readRDS(\"plain.rds\"); y <- readRDS(\"packed.rds\"); cat(identical(x, y), sum(x), \"\\n\"); f <- file(\"blob\", \"rb\"); b <- readBin(f, \"raw\", 12000003); close(f); cat(sum(as.integer(b)), \"\\n\"); d <- read.csv(\"csv\"); cat(sum(d$b), nrow(d), \"\\n\"); l <- readLines(\"text\"); cat(length(l), sum(nchar(l)), \"\\n\"); save(d, file = \"o.rda\", compress = FALSE); d <- 0; load(\"o.rda\"); cat(sum(d$a), \"\\n\"); s <- scan(\"csv\", \"\", sep = \"\\n\", quiet = TRUE); cat(length(s), \"\\n\"); f <- file(\"text\"); open(f); seek(f, 1000); cat(readLines(f, 1), \"\\n\")'")
program("octave", "octave", "octave-cli --norc -q --eval 'f = fopen(\"blob\"); x = fread(f, Inf, \"uint8\"); disp(sum(x)); frewind(f); fseek(f, 5000); disp(fread(f, 3)); save(\"-binary\", \"o.mat\", \"x\"); z = load(\"o.mat\"); disp(isequal(z.x, x))'; rm -f o.mat")

# ---- media ----
program("ffmpeg", "ffmpeg", "ffmpeg -v error -threads 1 -i sound.wav -f wav -c:a pcm_s16le -ar 22050 -bitexact o.wav; md5sum o.wav; ffmpeg -v error -ss 3 -i sound.wav -t 2 -f md5 -; ffmpeg -v error -f rawvideo -pix_fmt rgb24 -s 400x300 -i blob -frames:v 20 -c:v ffv1 -threads 1 -bitexact o.mkv; ffmpeg -v error -i o.mkv -f framemd5 - | md5sum; ffprobe -v error -show_format -of csv o.wav")
program("ImageMagick", "imagemagick", "convert picture.png -resize 50% -define png:exclude-chunks=date,tIME r.ppm; md5sum r.ppm; identify -format '%w %h %#\\n' picture.png ppm; compare -metric AE picture.png ppm null: 2>&1 || true; convert ppm -rotate 90 -crop 300x200+5+5 +repage gray:- | md5sum; convert ppm -quality 80 j.jpg; convert j.jpg ppm:- | md5sum")
program("sox", "sox", "sox sound.wav -r 8000 -D o.wav; md5sum o.wav; sox sound.wav -n stat 2>&1; sox sound.wav -t raw - trim 1 2 | md5sum; soxi sound.wav | grep -v File")
program("ghostscript", "ghostscript", "echo '/Helvetica findfont 40 scalefont setfont 99 99 moveto (text) show showpage' >a.ps; gs -q -dBATCH -dNOPAUSE -sDEVICE=ppmraw -r72 -sOutputFile=o.ppm a.ps; md5sum o.ppm; gs -q -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -sOutputFile=o.pdf a.ps; gs -q -dBATCH -dNOPAUSE -sDEVICE=ppmraw -r72 -sOutputFile=- o.pdf | md5sum; rm o.pdf")
program("mpg123", "mpg123 ffmpeg", "ffmpeg -v error -i sound.wav -bitexact o.mp3 && mpg123 -q -s o.mp3 | md5sum")

# ---- version control, packages, cryptography, networks ----
program("git", "git", "cd repo.git; git fsck --full 2>&1; git log --format=%H; git show HEAD~3:b | md5sum; git diff --stat HEAD~4; git cat-file --batch-all-objects --batch-check | md5sum; git clone -q . ../c2; cd ../c2; git log --oneline | wc -l; git gc -q --aggressive --prune=now; git verify-pack -v .git/objects/pack/*.idx | wc -l; git grep -c ab HEAD -- t; git blame -l t | md5sum; git bundle create -q ../b.bundle HEAD; git bundle verify -q ../b.bundle; rm -rf ../c2 ../b.bundle")
program("apt and dpkg", "apt dpkg", "apt-cache show bash | md5sum; apt-cache policy coreutils | head -n 3; apt-cache search '^zlib1g$'; apt-cache depends bash | md5sum; apt-cache stats | head -n 3; dpkg -L coreutils | md5sum; dpkg -S /bin/ls; dpkg-query -W bash coreutils; dpkg --verify coreutils; apt-cache dumpavail | md5sum")
program("gpg", "gnupg", "mkdir -m 700 k; export GNUPGHOME=$PWD/k; echo pw | gpg -q --batch --passphrase-fd 0 --pinentry-mode loopback -c -o e.gpg blob; echo pw | gpg -q --batch --passphrase-fd 0 --pinentry-mode loopback -d e.gpg | cmp - blob; gpg --print-md sha256 blob; gpg -q --enarmor <csv | md5sum; gpgconf --kill all; rm -r k e.gpg")
program("openssl", "openssl", "openssl dgst -sha256 blob text; openssl enc -aes-128-cbc -nosalt -pass pass:x -pbkdf2 -in blob | md5sum; openssl base64 -in text | md5sum; openssl genrsa -out k.pem 1024 2>/dev/null; openssl dgst -sha1 -sign k.pem -out s blob; openssl dgst -sha1 -prverify k.pem -signature s blob; openssl rand -rand blob -writerand .rnd 4 >/dev/null; rm k.pem s .rnd; openssl version -d")
program("rsync", "rsync", "mkdir d; rsync -a blob text zeros d; printf x | dd of=blob bs=1 seek=777 conv=notrunc status=none; rsync -a --no-whole-file --inplace --checksum blob d; cmp blob d/blob; rsync -a --no-whole-file -I text d; cmp text d/text; rsync -S zeros thin; cmp zeros thin; rsync -ac --dry-run -i . d | sort | md5sum")
program("curl", "curl", "curl -s file://$PWD/blob | md5sum; curl -s -r 1000-2000 file://$PWD/text | md5sum; curl -s -o o file://$PWD/text; cmp o text; curl -s -C 5000 file://$PWD/text | md5sum")
program("python's web server", "python3 curl", "/usr/bin/python3 -m http.server --bind 127.0.0.1 18077 >/dev/null 2>&1 & p=$!; for i in 1 2 3 4 5 6 7 8 9; do curl -s -o /dev/null 127.0.0.1:18077/bed && break; sleep .5; done; curl -s 127.0.0.1:18077/blob | md5sum; curl -s 127.0.0.1:18077/text | md5sum & curl -s 127.0.0.1:18077/csv >c; wait $!; cmp c csv; kill $p; wait $p || true; rm -f c")
program("lighttpd", "lighttpd curl", "printf 'server.document-root = \"%s\"\\nserver.port = 18078\\nserver.bind = \"127.0.0.1\"\\n' $PWD >c; lighttpd -D -f c 2>/dev/null & p=$!; for i in 1 2 3 4 5 6 7 8 9; do curl -s -o /dev/null 127.0.0.1:18078/bed && break; sleep .5; done; curl -s 127.0.0.1:18078/blob | md5sum; curl -s -r 5-99999 127.0.0.1:18078/text | md5sum; kill $p; wait $p || true")

# ---- languages ----
program("python", "python3", PY + "'import mmap, io, pickle, zipfile, tarfile, gzip, lzma, bz2, shutil, hashlib, os; d = open(\"blob\", \"rb\").read(); print(hashlib.md5(d).hexdigest()); f = open(\"blob\", \"rb\"); f.seek(5000); b = bytearray(3000000); print(f.readinto(b), hashlib.md5(b).hexdigest()); print(sum(map(len, open(\"text\")))); f = open(\"text\", \"rb\"); f.readline(); print(f.tell(), f.read(9), f.peek(3)[:3]); e = open(\"blob\", \"rb\"); m = mmap.mmap(e.fileno(), 0, access=mmap.ACCESS_READ); print(hashlib.md5(m).hexdigest()); z = zipfile.ZipFile(\"all.zip\"); print([(n, hashlib.md5(z.read(n)).hexdigest()) for n in z.namelist()], z.testzip()); t = tarfile.open(\"all.tar\"); print([(n.name, hashlib.md5(t.extractfile(n).read()).hexdigest()) for n in t]); g = gzip.compress(d, 1, mtime=0); open(\"g\", \"wb\").write(g); print(gzip.open(\"g\").read() == d); shutil.copyfile(\"blob\", \"c\"); shutil.copyfileobj(open(\"text\", \"rb\"), open(\"t2\", \"wb\")); x = os.open(\"blob\", os.O_RDONLY); print(os.pread(x, 10, 12000000), os.preadv(x, [bytearray(500000), bytearray(7)], 100), os.lseek(x, -5, 2), os.read(x, 9)); o = open(\"c\", \"r+b\"); o.read(3000000); o.write(b\"new\"); o.seek(2999990); print(o.read(20)); o.truncate(5000000); o.seek(0); print(len(o.read()))'")
program("python, processes", "python3", PY + "'import multiprocessing as m, hashlib, os, subprocess, threading, concurrent.futures as c\ndef h(i):\n    f = open(\"blob\", \"rb\"); f.seek(i * 1000000); return hashlib.md5(f.read(2000000)).hexdigest()\nprint(m.Pool(3).map(h, range(10)))\nprint(list(c.ThreadPoolExecutor(4).map(h, range(10))))\nprint(m.get_context(\"spawn\").Process)\nf = open(\"text\", \"rb\", 0); f.read(100); p = subprocess.run([\"md5sum\"], stdin=f, capture_output=True); print(p.stdout, f.read(5))\nf = open(\"blob\", \"rb\", 0); f.read(300000)\nif os.fork() == 0:\n    print(hashlib.md5(f.read(300000)).hexdigest(), flush=True); os._exit(0)\nos.wait(); print(hashlib.md5(f.read(300000)).hexdigest(), f.tell())'")
program("perl", "perl", "perl -e 'open F, \"<\", \"text\"; while (<F>) { $n++; $l += length } print \"$n $l\\n\"; seek F, 99, 0; print scalar <F>; local $/; open G, \"<:raw\", \"blob\"; $d = <G>; print length $d, \" \", unpack(\"%32C*\", $d), \"\\n\"; sysopen H, \"blob\", 0; sysseek H, 5000000, 0; sysread H, $x, 3000000; print unpack(\"%32C*\", $x), \"\\n\"; print -s \"blob\", \"\\n\"; print eof(G) ? 1 : 0, tell(G), \"\\n\"'; perl -MDigest::MD5 -e 'open F, \"blob\"; binmode F; print Digest::MD5->new->addfile(*F)->hexdigest, \"\\n\"'; perl -pi -e 's/a/b/' csv; md5sum csv; perl -MStorable -e 'store({map { $_ => $_ * 2 } 1..50000}, \"st\"); print retrieve(\"st\")->{777}, \"\\n\"; unlink \"st\"'")
program("ruby", "ruby", "ruby -rdigest -e 'd = File.binread(\"blob\"); puts Digest::MD5.hexdigest(d); puts File.foreach(\"text\").count, IO.readlines(\"csv\").size; File.open(\"blob\", \"rb\") { |f| f.seek(100); x = f.read(3_000_000); puts Digest::MD5.hexdigest(x); puts f.pos; y = +\"\"; f.read(500_000, y); f.sysseek(5) rescue puts(\"buffered\"); puts Digest::MD5.hexdigest(y); puts f.pread(9, 1000).unpack1(\"H*\") }; IO.copy_stream(\"blob\", \"o\"); puts Digest::MD5.file(\"o\").hexdigest; d[0, 5] = \"12345\"; puts Digest::MD5.hexdigest(d); th = 4.times.map { |i| Thread.new { File.binread(\"text\", 400_000, i * 1000).sum } }; p th.map(&:value)'")
program("lua", "lua5.4", "lua5.4 -e 'local f = io.open(\"blob\", \"rb\"); local d = f:read(\"a\"); print(#d, d:byte(5000000)); f:seek(\"set\", 77); print(#f:read(3000000), f:seek()); f:close(); local n = 0; for l in io.lines(\"text\") do n = n + #l end; print(n); f = io.open(\"blob\", \"rb\"); f:setvbuf(\"full\", 1 << 20); local s = 0; for c in function() return f:read(300000) end do s = s + c:byte(1) end; print(s)'")
program("tcl", "tcl", "echo 'set f [open blob rb]; set d [read $f]; puts [string length $d]; binary scan $d cu* x; puts [tcl::mathop::+ {*}[lrange $x 0 100000]]; seek $f 50; puts [string length [read $f 4000000]]; puts [tell $f]; close $f; set f [open text]; set n 0; while {[gets $f l] >= 0} {incr n}; puts $n; file copy blob o; set i [open blob rb]; set o [open o2 wb]; fcopy $i $o; close $o' >a.tcl; tclsh a.tcl; cmp o2 blob")
program("php", "php-cli", "php -r 'ini_set(\"memory_limit\", -1); $d = file_get_contents(\"blob\"); echo md5($d), \" \", md5_file(\"text\"), \" \", count(file(\"csv\")), \"\\n\"; $f = fopen(\"blob\", \"rb\"); fseek($f, 99); $x = fread($f, 3000000); echo md5($x), ftell($f), \"\\n\"; echo md5(stream_get_contents($f, 500000)), \"\\n\"; copy(\"blob\", \"o\"); readfile(\"csv\"); $d[5] = \"z\"; echo md5($d), \"\\n\"; $o = new SplFileObject(\"text\"); $o->seek(5000); echo $o->current();' | md5sum; cmp o blob")
program("node", "nodejs", "echo 'const fs = require(\"fs\"), c = require(\"crypto\"), z = require(\"zlib\"), { Worker, isMainThread } = require(\"worker_threads\"); const h = (d) => c.createHash(\"md5\").update(d).digest(\"hex\"); (async () => { if (!isMainThread) return console.log(h(fs.readFileSync(\"blob\"))); console.log(h(fs.readFileSync(\"blob\"))); console.log(h(await fs.promises.readFile(\"text\"))); const f = fs.openSync(\"blob\"); const b = Buffer.alloc(3000000); console.log(fs.readSync(f, b, 0, 3000000, 500), h(b)); const a = c.createHash(\"md5\"); for await (const p of fs.createReadStream(\"blob\", { start: 100, highWaterMark: 1 << 20 })) a.update(p); console.log(a.digest(\"hex\")); fs.copyFileSync(\"blob\", \"o\"); fs.createReadStream(\"text\").pipe(z.createGzip()).pipe(fs.createWriteStream(\"t.gz\")).on(\"finish\", () => { console.log(h(z.gunzipSync(fs.readFileSync(\"t.gz\")))); for (let i = 0; i < 3; i++) new Worker(__filename); }); JSON.parse(fs.readFileSync(\"json\")).slice(0, 2).map((x) => console.log(x)); })()' >a.js; node a.js")
program("java", "default-jdk-headless", "cat >A.java <<'J'\nimport java.io.*; import java.nio.*; import java.nio.channels.*; import java.nio.file.*; import java.security.*; import java.util.*; import java.util.zip.*;\nclass A { static String h(byte[] b) throws Exception { return new java.math.BigInteger(1, MessageDigest.getInstance(\"MD5\").digest(b)).toString(16); }\n public static void main(String[] s) throws Exception { System.out.println(h(Files.readAllBytes(Path.of(\"blob\")))); System.out.println(Files.lines(Path.of(\"text\")).count()); RandomAccessFile r = new RandomAccessFile(\"blob\", \"r\"); r.seek(999); byte[] b = new byte[3000000]; r.readFully(b); System.out.println(h(b) + r.getFilePointer()); FileChannel c = r.getChannel(); ByteBuffer d = ByteBuffer.allocateDirect(4000000); System.out.println(c.read(d, 5) + \" \" + c.position()); d.flip(); byte[] e = new byte[d.remaining()]; d.get(e); System.out.println(h(e)); MappedByteBuffer m = c.map(FileChannel.MapMode.READ_ONLY, 0, c.size()); m.get(e); System.out.println(h(e)); try (ZipFile z = new ZipFile(\"all.zip\")) { for (var x : Collections.list(z.entries())) System.out.println(x.getName() + h(z.getInputStream(x).readAllBytes())); } Files.copy(Path.of(\"blob\"), Path.of(\"o\")); try (var i = new BufferedInputStream(new FileInputStream(\"csv\"))) { System.out.println(h(i.readAllBytes())); } FileChannel.open(Path.of(\"blob\")).transferTo(0, 5000000, Channels.newChannel(new FileOutputStream(\"o2\"))); } }\nJ\njava -XX:+UseSerialGC -XX:TieredStopAtLevel=1 A.java; rm -f A.java; cmp -n 5000000 o2 blob")
program("gcc", "gcc", "gcc -O1 -o c code.c; ./c; gcc -E code.c | md5sum; gcc -c -O0 code.c -o a.o; ar rcsD l.a a.o; gcc -static -o s l.a 2>/dev/null || true; gcc -flto -O1 -o l code.c; ./l; rm -f s l c")
program("clang", "clang", "clang -O1 -o c code.c; ./c; clang -S -emit-llvm -o - code.c | md5sum; clang -Wall -fsyntax-only code.c; rm c")
program("gdb", "gdb gcc", "gcc -g -o c code.c; gdb -nx -q -batch -ex 'break f7' -ex run -ex bt -ex 'info line f9' -ex continue ./c 2>&1 | grep -v -e process -e libthread; rm c")
program("go", "golang-go", "mkdir -p g; cat >g/a.go <<'G'\npackage main\nimport (\"bufio\"; \"crypto/md5\"; \"fmt\"; \"io\"; \"os\"; \"os/exec\")\nfunc main() { d, _ := os.ReadFile(\"blob\"); fmt.Printf(\"%x\\n\", md5.Sum(d)); f, _ := os.Open(\"text\"); s := bufio.NewScanner(f); n := 0; for s.Scan() { n++ }; fmt.Println(n); b := make([]byte, 3000000); f.ReadAt(b, 1000); fmt.Printf(\"%x\\n\", md5.Sum(b)); g, _ := os.Open(\"blob\"); o, _ := os.Create(\"o\"); io.Copy(o, g); o.Close(); out, _ := exec.Command(\"md5sum\", \"o\").Output(); fmt.Print(string(out)) }\nG\nGOCACHE=$PWD/gc GOFLAGS=-mod=mod GO111MODULE=off go build -o b g/a.go && ./b; chmod -R u+w gc; rm -rf gc b g")
program("rust", "rustc", "cat >a.rs <<'R'\nuse std::io::{BufRead, Read, Seek};\nfn sum(d: &[u8]) -> u64 { d.iter().fold(7, |a, b| a.wrapping_mul(31).wrapping_add(*b as u64)) }\nfn main() { let d = std::fs::read(\"blob\").unwrap(); println!(\"{} {}\", d.len(), sum(&d)); let f = std::io::BufReader::new(std::fs::File::open(\"text\").unwrap()); println!(\"{}\", f.lines().count()); let mut f = std::fs::File::open(\"blob\").unwrap(); f.seek(std::io::SeekFrom::Start(500)).unwrap(); let mut b = vec![0; 3000000]; f.read_exact(&mut b).unwrap(); println!(\"{}\", sum(&b)); std::fs::copy(\"blob\", \"o\").unwrap(); let h: Vec<_> = (0..4).map(|_| std::thread::spawn(|| sum(&std::fs::read(\"blob\").unwrap()))).collect(); for t in h { println!(\"{}\", t.join().unwrap()); } println!(\"{}\", std::fs::read_to_string(\"csv\").unwrap().len()); }\nR\n/usr/bin/rustc -O -o r a.rs; ./r; cmp o blob; rm r")
program("erlang", "erlang-base", "erl -noshell -eval '{ok, B} = file:read_file(\"blob\"), io:format(\"~p ~p~n\", [size(B), erlang:phash2(B)]), {ok, F} = file:open(\"blob\", [read, raw, binary]), {ok, X} = file:pread(F, 1000, 3000000), io:format(\"~p~n\", [erlang:phash2(X)]), {ok, G} = file:open(\"text\", [read, raw, binary, {read_ahead, 65536}]), {ok, L} = file:read_line(G), io:format(\"~p~n\", [L]), {ok, _} = file:copy(\"blob\", \"o\"), halt().'; cmp o blob")
program("guile", "guile-3.0", "GUILE_AUTO_COMPILE=0 guile -c '(use-modules (ice-9 binary-ports) (ice-9 rdelim) (rnrs bytevectors)) (let* ((p (open-file \"blob\" \"rb\")) (d (get-bytevector-all p))) (display (bytevector-length d)) (newline) (seek p 5000 0) (display (bytevector-length (get-bytevector-n p 3000000))) (newline)) (let ((p (open-input-file \"text\"))) (let loop ((n 0)) (if (eof-object? (read-line p)) (begin (display n) (newline)) (loop (1+ n)))))'")
program("sbcl", "sbcl", "sbcl --noinform --no-userinit --non-interactive --eval '(with-open-file (f \"blob\" :element-type (quote (unsigned-byte 8))) (let ((a (make-array (file-length f) :element-type (quote (unsigned-byte 8))))) (print (read-sequence a f)) (print (reduce (function +) a)) (file-position f 500) (print (read-byte f)) (print (file-position f))))' --eval '(with-open-file (f \"text\") (print (loop for l = (read-line f nil) while l count l)))'")
program("haskell", "ghc", "echo 'import qualified Data.ByteString as B' >a.hs; echo 'main = do { d <- B.readFile \"blob\"; print (B.length d, B.foldl (\\a b -> (a * 31 + fromIntegral b) `mod` 1000003) (7 :: Int) d); t <- readFile \"csv\"; print (length (lines t)) }' >>a.hs; ghc -v0 -O0 -o h a.hs; ./h; rm -f h a.o a.hi")
program("prolog", "swi-prolog", "swipl -g 'open(blob, read, F, [type(binary)]), seek(F, 5000, bof, _), get_byte(F, B), print(B), nl, read_file_to_codes(csv, C, []), length(C, N), print(N), nl, halt'")
program("ocaml", "ocaml-nox", "echo 'let () = let f = open_in_bin \"blob\" in let n = in_channel_length f in let d = really_input_string f n in print_endline (Digest.to_hex (Digest.string d)); seek_in f 5000; print_int (input_byte f); print_newline (); print_endline (Digest.to_hex (Digest.file \"text\"))' >a.ml; ocaml a.ml")
program("mono", "mono-runtime mono-mcs", "echo 'using System; using System.IO; class A { static void Main() { var d = File.ReadAllBytes(\"blob\"); long s = 0; foreach (var b in d) s = s * 31 + b; Console.WriteLine(d.Length + \" \" + s); Console.WriteLine(File.ReadAllLines(\"text\").Length); var f = File.OpenRead(\"blob\"); f.Seek(500, SeekOrigin.Begin); var x = new byte[3000000]; Console.WriteLine(f.Read(x, 0, x.Length)); } }' >a.cs; mcs a.cs; mono a.exe; rm a.exe")
program("m4 and make", "m4 make", "m4 text | md5sum; printf 'a: text\\n\\tmd5sum text\\nb: a csv\\n\\twc csv\\n' >Makefile; make -s -j2 b")
program("debugfs", "e2fsprogs", "/sbin/debugfs -R 'ls -p /' disk.img 2>/dev/null | wc -l; /sbin/e2fsck -fn disk.img 2>/dev/null | tail -n 1; /sbin/dumpe2fs -h disk.img 2>/dev/null | grep 'Block count'; rm disk.img")
program("mtools", "mtools dosfstools", "truncate -s 16M f.img; /sbin/mkfs.fat -i 12345678 --invariant f.img >/dev/null; mcopy -i f.img csv ::csv; mtype -i f.img ::csv | cmp - csv; mdir -b -i f.img; rm f.img")
program("parallel tools", "parallel", "ls -1 | parallel -k -j 2 --will-cite wc -c {} 2>/dev/null | md5sum; cat text | parallel --will-cite --pipe -k --block 1M md5sum; parallel --will-cite --pipepart -a text -k --block 2M md5sum")
program("poppler", "poppler-utils ghostscript", "echo '/Helvetica findfont 40 scalefont setfont 99 99 moveto (text) show showpage' >a.ps; gs -q -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -sOutputFile=o.pdf a.ps; pdftotext o.pdf -; pdfinfo o.pdf | grep Pages; pdftoppm -r 50 o.pdf p; md5sum p-1.ppm; rm o.pdf")

"""Services and scripting languages."""
import os
import shutil

from suite.case import NONE, READER, case
from suite.inputs import random_file, sh

GROUP = "Services and languages"
DRIVE = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "drive")


def blob(folder, at):
    random_file(folder + "/a.bin", 3, 120_000_000)


def java_classes(folder, at):
    shutil.copy(DRIVE + "/Load.java", folder)
    sh("cd {d}; javac Load.java", d=folder)


def redis_dump(folder, at):
    sh("cd {d}; redis-server --port 0 --enable-debug-command yes --unixsocket {d}/s --daemonize yes --dir {d} --save '' --rdbcompression no --logfile {d}/log;"
       "for i in 1 2 3 4 5 6 7 8 9 10; do redis-cli -s {d}/s ping >/dev/null 2>&1 && break; sleep 0.5; done;"
       "redis-cli -s {d}/s debug populate 100000 key 500; redis-cli -s {d}/s shutdown save; rm -f {d}/log", d=folder)


def postgres_data(folder, at):
    sh("{drive}/postgres init {d}/data", d=folder, drive=DRIVE)


NODE = "node {drive}/load.js "
JAVA = "java -Xmx600m -XX:+UseSerialGC -Xshare:auto -cp {java_classes} Load "
FILE = "{blob}/a.bin"

case("node readFileSync", GROUP, ["nodejs"], [blob], FILE, NODE + "sync " + FILE, "one read",
     load=NODE + "-sync " + FILE)
case("node readFile", GROUP, ["nodejs"], [blob], FILE, NODE + "promise " + FILE, "read, 512 KiB, in threads",
     load=NODE + "-promise " + FILE)
case("node stream", GROUP, ["nodejs"], [blob], FILE, NODE + "stream " + FILE, "read, 64 KiB, in threads",
     load=NODE + "-stream " + FILE, kind=NONE, why="keeps pieces of 64 KiB and joins them by copying")
case("node worker_threads", GROUP, ["nodejs"], [blob], FILE, NODE + "workers " + FILE, "one read in each of three threads",
     load=NODE + "-workers " + FILE)
case("gunicorn, N workers", GROUP, ["gunicorn"], [blob], FILE, "/usr/bin/python3 {drive}/gunicorn.py {n} " + FILE,
     "one read in each worker, after fork", workers=True)
case("Java FileInputStream", GROUP, ["default-jdk-headless"], [blob, java_classes], FILE, JAVA + "stream " + FILE,
     "read, through a buffer of the virtual machine's", load=JAVA + "-stream " + FILE, kind=NONE,
     why="the virtual machine reads to a buffer, copies it to the heap of Java, and frees it")
case("Java FileChannel", GROUP, ["default-jdk-headless"], [blob, java_classes], FILE, JAVA + "channel " + FILE,
     "one read into a direct buffer", load=JAVA + "-channel " + FILE, steady=True,
     why="fills the buffer with zeros before it reads; afterwards it is shared")
case("Java RandomAccessFile", GROUP, ["default-jdk-headless"], [blob, java_classes], FILE, JAVA + "random " + FILE,
     "lseek + read, 512 B", load=JAVA + "-random " + FILE, kind=READER)
case("PHP file_get_contents", GROUP, ["php-cli"], [blob], FILE, "php -d memory_limit=-1 {drive}/load.php get " + FILE,
     "read, one of the file's size", load="php -d memory_limit=-1 {drive}/load.php -get " + FILE)
case("PHP fread", GROUP, ["php-cli"], [blob], FILE, "php -d memory_limit=-1 {drive}/load.php fread " + FILE,
     "read, 8 KiB, through a buffer", load="php -d memory_limit=-1 {drive}/load.php -fread " + FILE, kept=True)
case("PHP-FPM", GROUP, ["php-fpm", "libfcgi-bin"], [blob], FILE, "{drive}/fpm {n} " + FILE, "read, one of the file's size, in each worker",
     workers=True)
case("Ruby File.binread", GROUP, ["ruby"], [blob], FILE, "ruby {drive}/load.rb binread " + FILE, "one read",
     load="ruby {drive}/load.rb -binread " + FILE)
case("Ruby IO#read", GROUP, ["ruby"], [blob], FILE, "ruby {drive}/load.rb read " + FILE, "one read",
     load="ruby {drive}/load.rb -read " + FILE)
case("perl slurp", GROUP, ["perl"], [blob], FILE, "perl {drive}/load.pl slurp " + FILE, "read, 8 KiB, through a buffer",
     load="perl {drive}/load.pl -slurp " + FILE, kept=True)
case("perl sysread", GROUP, ["perl"], [blob], FILE, "perl {drive}/load.pl sysread " + FILE, "one read",
     load="perl {drive}/load.pl -sysread " + FILE)
case("Lua read(\"a\")", GROUP, ["lua5.4"], [blob], FILE, "lua5.4 {drive}/load.lua a " + FILE,
     "fread, 1 KiB and growing, then copied", load="lua5.4 {drive}/load.lua -a " + FILE, steady=True,
     why="makes its string by copying at the end; found when the file is closed", kept=True)
case("Lua read(n)", GROUP, ["lua5.4"], [blob], FILE, "lua5.4 {drive}/load.lua n " + FILE,
     "one fread, then copied", load="lua5.4 {drive}/load.lua -n " + FILE, steady=True,
     why="makes its string by copying at the end; found when the file is closed", kept=True)
for how, reads in (("sendfile", "sendfile"), ("read", "pread, 32 KiB"), ("threads", "pread in threads, 32 KiB")):
    case("nginx, " + how, GROUP, ["nginx-light"], [blob], FILE, "/usr/bin/python3 {drive}/nginx.py " + how + " " + FILE, reads,
         kind=NONE, why="keeps nothing in memory")
case("redis", GROUP, ["redis-server"], [redis_dump], "{redis_dump}/dump.rdb:/tmp/onecopy-redis.*/dump.rdb", "{drive}/redis {redis_dump}",
     "fread, small pieces", read_files="{redis_dump}/dump.rdb", kind=NONE, why="builds objects of its own")
case("PostgreSQL pgbench", GROUP, ["postgresql"], [postgres_data], "{postgres_data}/data/**:/tmp/onecopy-postgres.*/**",
     "{drive}/postgres bench {postgres_data}/data", read_files="{postgres_data}/data/base/*/*", reads="pread, 8 KiB, into shared memory", kind=NONE,
     why="caches pages in shared memory; only safety is shown: all balances add up, checksums are right")

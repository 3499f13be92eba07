"""usage: gunicorn.py WORKERS FILE: serve from workers that each load FILE after fork; ask until all have answered.

Prints one line for each worker, without its pid."""
import os
import socket
import subprocess
import sys
import tempfile
import time

APP = '''
import os, zlib
data = open({path!r}, "rb").read()
answer = f"{{os.getpid()}} {{len(data)}} {{zlib.crc32(data)}}".encode()
def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [answer]
'''


def ask(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: s.recv(4096), b"")).split(b"\r\n\r\n", 1)[1].decode().split()


def answers(path, workers):
    seen, end = {}, time.monotonic() + 120
    while len(seen) < workers and time.monotonic() < end:
        try:
            pid, *rest = ask(path)
            seen[pid] = rest
        except (OSError, IndexError, ValueError):
            time.sleep(0.05)
    return seen


workers = int(sys.argv[1])
with tempfile.TemporaryDirectory(prefix="onecopy-gunicorn.") as folder:
    with open(folder + "/served.py", "w") as f:
        f.write(APP.format(path=sys.argv[2]))
    server = subprocess.Popen(["gunicorn", "-w", str(workers), "-b", f"unix:{folder}/socket", "--log-level", "error",
                               "--chdir", folder, "--timeout", "120", "served:app"])
    try:
        seen = answers(folder + "/socket", workers)
        time.sleep(float(os.environ.get("STAY", 1)))
    finally:
        server.terminate()
        server.wait(60)
for rest in seen.values():
    print(*rest)
sys.exit(len(seen) != workers)

"""usage: gunicorn.py WORKERS FILE: serve from workers that each load FILE after fork; ask until all have answered,
then let many clients ask at once, each for other parts of it.

Prints one line for each worker, without its pid, and one for each client."""
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

APP = '''
import os, zlib
data = open({path!r}, "rb").read()
answer = f"{{os.getpid()}} {{len(data)}} {{zlib.crc32(data)}}".encode()
def app(environ, start):
    start("200 OK", [("Content-Type", "application/octet-stream")])
    part = environ["QUERY_STRING"]
    return [data[int(part):int(part) + 500_000] if part else answer]
'''
CLIENTS, REQUESTS = 8, 25


def ask(path, part=""):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        s.sendall(f"GET /?{part} HTTP/1.0\r\n\r\n".encode())
        head, body = b"".join(iter(lambda: s.recv(1 << 18), b"")).split(b"\r\n\r\n", 1)
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise ValueError(head)
    return body


def client(path, size, into, i):
    """A digest of all that was answered; nothing when something was not."""
    digest = hashlib.sha1()
    for k in range(REQUESTS):
        digest.update(ask(path, (i * REQUESTS + k) * 7_919_003 % size))
    into[i] = digest.hexdigest()


def load(path, size):
    digests = [None] * CLIENTS
    threads = [threading.Thread(target=client, args=(path, size, digests, i)) for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return digests


def answers(path, workers):
    seen, end = {}, time.monotonic() + 120
    while len(seen) < workers and time.monotonic() < end:
        try:
            pid, *rest = ask(path).decode().split()
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
        digests = load(folder + "/socket", os.path.getsize(sys.argv[2]))
        time.sleep(float(os.environ.get("STAY", 1)))
    finally:
        server.terminate()
        server.wait(60)
for rest in seen.values():
    print(*rest)
print(*digests, sep="\n")
sys.exit(len(seen) != workers or None in digests)

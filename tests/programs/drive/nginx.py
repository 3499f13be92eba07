"""usage: nginx.py sendfile|read|threads FILE: serve FILE; twelve clients at once fetch it and parts of it, again and again."""
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

CONF = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; {how} client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
    fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen unix:{folder}/socket; root {root}; }}
}}
"""
TIMES = 4
HOW = {"sendfile": "sendfile on;", "read": "sendfile off;", "threads": "sendfile off; aio threads;"}


def connect(s, path):
    """The socket has a name before the server listens."""
    for _ in range(600):
        try:
            return s.connect(path)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise TimeoutError


def fetch(path, name, part):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(120)
        connect(s, path)
        extra = f"Range: bytes={part[0]}-{part[1]}\r\n" if part else ""
        s.sendall(f"GET /{name} HTTP/1.0\r\n{extra}\r\n".encode())
        digest, head, length = hashlib.sha1(), b"", 0
        while b"\r\n\r\n" not in head:
            head += s.recv(4096)
        head, piece = head.split(b"\r\n\r\n", 1)
        more = True  # the head may come alone
        while more:
            digest.update(piece)
            length += len(piece)
            piece = s.recv(1 << 18)
            more = bool(piece)
    return head.split(b"\r\n")[0].decode(), length, digest.hexdigest()


def client(path, name, part, into, i):
    """The whole file once, a part several times: all that came, each time."""
    into[i] = [fetch(path, name, part) for _ in range(TIMES if part else 1)]


with tempfile.TemporaryDirectory(prefix="onecopy-nginx.") as folder:
    os.chmod(folder, 0o755)
    with open(folder + "/conf", "w") as f:
        f.write(CONF.format(folder=folder, how=HOW[sys.argv[1]], root=os.path.dirname(sys.argv[2])))
    server = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-e", folder + "/error.log", "-c", folder + "/conf"])
    try:
        for _ in range(600):
            if os.path.exists(folder + "/socket"):
                break
            time.sleep(0.05)
        parts = [None] + [(i * 3_000_017, i * 3_000_017 + 999_999) for i in range(11)]
        results = [None] * len(parts)
        threads = [threading.Thread(target=client, args=(folder + "/socket", os.path.basename(sys.argv[2]), p, results, i))
                   for i, p in enumerate(parts)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        server.terminate()
        server.wait(60)
for result in results:
    for answer in result or []:
        print(*answer)
sys.exit(None in results)

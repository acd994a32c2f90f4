"""slowhttptest in its modes, idle connections and floods: others are answered, memory is bounded."""

import os
import socket
import statistics
import subprocess
import sys
import threading
import time

PORT, SPRITE, PID = (int(os.environ[name]) for name in ("PLAIN_PORT", "SPRITE_PORT", "PLAIN_PID"))
COOKIE = os.environ["COOKIE"]
GOOD = f"GET /good HTTP/1.1\r\nHost: ada.arca.test\r\nCookie: {COOKIE}\r\n\r\n".encode()
MEMORY_MAX_KIB = 400 * 1024


def answer(connection):
    with connection:
        try:
            while connection.recv(65536):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except OSError:
            pass


def sprite():
    listener = socket.create_server(("127.0.0.1", SPRITE), backlog=512)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def memory():
    for line in open(f"/proc/{PID}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])


def p99(seconds):
    """Of new connections, one every five milliseconds, in milliseconds; and how many failed."""
    took, failed, until = [], 0, time.time() + seconds
    while time.time() < until:
        begun = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", PORT), timeout=10) as connection:
                connection.sendall(GOOD)
                failed += not connection.recv(4096).startswith(b"HTTP/1.1 200")
        except OSError:
            failed += 1
        took.append(1000 * (time.perf_counter() - begun))
        time.sleep(0.005)
    return statistics.quantiles(took, n=100)[98], failed


def slowhttptest(*options):
    return subprocess.Popen(
        ["slowhttptest", "-c", "2000", "-r", "500", "-l", "12", "-u",
         f"http://127.0.0.1:{PORT}/", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def idle(count):
    opened = []
    for _ in range(count):
        try:
            opened.append(socket.create_connection(("127.0.0.1", PORT), timeout=5))
        except OSError:
            break
    return opened


threading.Thread(target=sprite, daemon=True).start()
time.sleep(0.2)
p99(1)
quiet, failed = p99(4)
print(f"slow: quiet p99 {quiet:.1f} ms, {memory()} KiB")
bad = failed
for name, options in (("slow headers", ["-H", "-i", "2"]), ("slow body", ["-B", "-i", "2"]),
                      ("slow read", ["-X", "-w", "8", "-y", "16", "-n", "2"]),
                      ("ranges", ["-R"])):
    attack = slowhttptest(*options)
    time.sleep(3)
    during, failed = p99(6)
    print(f"slow: {name}: p99 {during:.1f} ms ({during / quiet:.1f}x), {failed} failed, {memory()} KiB")
    bad += failed + (memory() > MEMORY_MAX_KIB)
    attack.kill()
    attack.wait()
held = idle(5000)
during, failed = p99(4)
print(f"slow: {len(held)} idle: p99 {during:.1f} ms ({during / quiet:.1f}x), {failed} failed, "
      f"{memory()} KiB")
bad += failed + (len(held) < 5000) + (memory() > MEMORY_MAX_KIB)
sys.exit(bool(bad))

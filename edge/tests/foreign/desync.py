"""The graded requests of http_desync_guardian: none that is severe or ambiguous reaches a sprite.

GUARDIAN names a clone of its repository; without it nothing is tried. Each request is sent
whole, in two pieces, byte by byte, and behind a good one on the same connection. A GET or HEAD
with a well-framed body may pass, as it is framed anew.
"""

import os
import pathlib
import re
import socket
import sys
import threading
import time

import yaml

SPRITE, EDGE = int(os.environ["SPRITE_PORT"]), int(os.environ["PLAIN_PORT"])
COOKIE, FOLDER = os.environ["COOKIE"], os.environ.get("GUARDIAN")
seen, lock = [], threading.Lock()


def answer(connection):
    data = b""
    with connection:
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                with lock:
                    seen.append(head)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                if b"POST" in head or b"PUT" in head:
                    return
        except OSError:
            pass


def sprite():
    listener = socket.create_server(("127.0.0.1", SPRITE), backlog=512)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def bytes_of(case):
    lines = [f"{case.get('method', 'GET')} {case['uri']} {case['version']}"]
    has_host = False
    for header in case.get("headers") or []:
        name, value = str(header["name"]), str(header["value"])
        if name.strip().lower() == "host" and value:
            has_host, value = True, "ada.arca.test"
        lines.append(f"{name}: {value}")
    if not has_host:
        lines.append("Host: ada.arca.test")
    lines += ["Origin: http://ada.arca.test", f"Cookie: {COOKIE}", "X-Marked: here"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


GOOD = f"GET /good HTTP/1.1\r\nHost: ada.arca.test\r\nCookie: {COOKIE}\r\n\r\n".encode()


def read(connection):
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def send(raw, way):
    with socket.create_connection(("127.0.0.1", EDGE)) as connection:
        connection.settimeout(2)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if way == "second":
                connection.sendall(GOOD)
                read(connection)
            pieces = {"split": [raw[: len(raw) // 2], raw[len(raw) // 2 :]]}.get(way, [raw])
            if way == "together":
                pieces = [GOOD + raw]
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.002 if len(pieces) > 1 else 0)
        except OSError:
            pass
        return read(connection)


def cases():
    for path in sorted(pathlib.Path(FOLDER, "tests").glob("*.yaml")):
        text = "\n".join(line for line in path.read_text().splitlines())
        for case in yaml.safe_load(text) or []:
            if isinstance(case, dict) and "expected" in case and "version" in case:
                yield path.name, case


def may_pass(case):
    """A GET or HEAD whose only fault is a body, and that is framed well."""
    return (case.get("expected") or {}).get("reason") in ("GetHeadRequest",) or (
        case.get("method") in ("GET", "HEAD")
        and (case.get("expected") or {}).get("reason") in ("UndefinedContentLengthSemantics",
                                                           "UndefinedTransferEncodingSemantics")
    )


def main():
    if not FOLDER:
        print("desync: GUARDIAN names no clone, nothing was tried")
        return 0
    threading.Thread(target=sprite, daemon=True).start()
    time.sleep(0.2)
    tried, passed, let_through, good = 0, 0, [], 0
    for file, case in cases():
        tier = case["expected"].get("tier")
        if tier not in ("Severe", "Ambiguous"):
            continue
        raw = bytes_of(case)
        for way in ("whole", "split", "second", "together"):
            with lock:
                seen.clear()
            send(raw, way)
            time.sleep(0.01)
            tried += 1
            with lock:
                marked = [head for head in seen if b"x-marked" in head.lower()]
            if not marked:
                continue
            if may_pass(case):
                passed += 1
            else:
                let_through.append((file, tier, case["name"], way, case["expected"].get("reason")))
    print(f"desync: {tried} tries of severe and ambiguous requests, {passed} GET or HEAD with a "
          f"well-framed body passed, {len(let_through)} others did")
    for one in let_through:
        print("   ", *one)
    return bool(let_through)


sys.exit(main())

"""Autobahn's cases, straight to a server and through the edge: the edge adds no failure.

The package kosoku runs them; it knows no cookies, so that a relay adds what a browser has.
"""

import asyncio
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import websockets

SPRITE, EDGE = int(os.environ["SPRITE_PORT"]), int(os.environ["PLAIN_PORT"])
SECTIONS = [f"{n}.*" for n in (1, 2, 3, 4, 5, 6, 7, 10)]


async def echo(socket):
    try:
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosed:
        pass


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.transport.abort()


async def relay(reader, writer):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
        return
    lines = [line for line in head.split(b"\r\n")[1:] if line]
    kept = [l for l in lines if l.lower().split(b":")[0] not in (b"host", b"origin", b"cookie")]
    ours = [
        b"Host: ada.arca.test",
        b"Origin: http://ada.arca.test",
        b"Cookie: " + os.environ["COOKIE"].encode(),
    ]
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", EDGE)
    up_writer.write(b"\r\n".join([b"GET /ws HTTP/1.1"] + ours + kept) + b"\r\n\r\n")
    await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))
    writer.close()
    up_writer.close()


async def run(port, out):
    options = [word for section in SECTIONS for word in ("-i", section)]
    program = pathlib.Path(sys.executable).parent / "kosoku"
    process = await asyncio.create_subprocess_exec(
        program, *options, "-p", "4", "-o", out, f"127.0.0.1:{port}",
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )
    _, errors = await process.communicate()
    index = pathlib.Path(out) / "index.json"
    if not index.exists():
        sys.exit(f"kosoku left no report: {errors.decode()[-500:]}")
    (cases,) = json.loads(index.read_text()).values()
    bad = {
        name: (case["behavior"], case["behaviorClose"])
        for name, case in cases.items()
        if "FAILED" in (case["behavior"], case["behaviorClose"])
        or case["behaviorClose"] in ("WRONG CODE", "UNCLEAN", "FAILED BY CLIENT")
    }
    return len(cases), bad


async def main():
    relay_server = await asyncio.start_server(relay, "127.0.0.1", 0)
    relayed = relay_server.sockets[0].getsockname()[1]
    async with websockets.serve(echo, "127.0.0.1", SPRITE, max_size=None, compression=None):
        with tempfile.TemporaryDirectory() as out:
            count, direct = await run(SPRITE, out + "/direct")
            through_count, through = await run(relayed, out + "/through")
    added = {name: how for name, how in through.items() if name not in direct}
    print(f"autobahn: {count} cases, {len(direct)} fail directly, "
          f"{len(through)} of {through_count} through the edge, added: {added}")
    sys.exit(bool(added) or through_count != count or not count)


asyncio.run(main())

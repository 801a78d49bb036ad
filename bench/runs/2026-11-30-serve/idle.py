"""How long newcomers wait behind 10,000 connections that say nothing.

    python3 idle.py ADDR:PORT once|again

`again`: a connection that the service closes is opened again after a second. Newcomers come two
seconds after the idle ones began, one each five seconds; one more connection, from before, asks ten
times a second.
"""

import asyncio
import sys
import time

IDLERS, NEWCOMERS, SECONDS_MAX = 10_000, 6, 95
HOST, PORT = sys.argv[1].rsplit(":", 1)
REQUEST = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def ask(reader, writer):
    writer.write(REQUEST)
    await reader.readuntil(b"\r\n\r\n")


async def idle(comes_again):
    while True:
        try:
            reader, writer = await asyncio.open_connection(HOST, int(PORT))
            await reader.read(1)
            writer.close()
        except OSError:
            pass
        if not comes_again:
            return
        await asyncio.sleep(1)


async def regular(waits):
    reader, writer = await asyncio.open_connection(HOST, int(PORT))
    while True:
        began = time.time()
        await ask(reader, writer)
        waits.append(time.time() - began)
        await asyncio.sleep(0.1)


async def newcomer(number, waits):
    await asyncio.sleep(5 * number)
    began = time.time()
    reader, writer = await asyncio.open_connection(HOST, int(PORT))
    await ask(reader, writer)
    waits[number] = round(time.time() - began, 1)
    writer.close()


async def main():
    before, waits = [], {}
    one = asyncio.create_task(regular(before))
    await asyncio.sleep(1)
    crowd = [asyncio.create_task(idle(sys.argv[2] == "again")) for _ in range(IDLERS)]
    await asyncio.sleep(2)
    tasks = [asyncio.create_task(newcomer(number, waits)) for number in range(NEWCOMERS)]
    await asyncio.wait(tasks, timeout=SECONDS_MAX)
    print(sys.argv[2], "- newcomers, seconds:", dict(sorted(waits.items())), "of", NEWCOMERS)
    print("from before:", len(before), "answers, the longest", round(max(before), 3), "s,",
          "ended" if one.done() else "open")
    for task in [one, *crowd, *tasks]:
        task.cancel()


asyncio.run(main())

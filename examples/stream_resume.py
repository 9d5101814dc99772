"""Print a stream, and go on after any break: each event once and in order.

Usage: stream_resume.py URL KEY T.AAPL,Q.MSFT
"""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException


async def main(url: str, key: str, pairs: str) -> None:
    """Connect again and again; the newest position (_c) says where to go on, the numbers (_n) what was seen already."""
    position, seen = "", dict[str, int]()
    while True:
        try:
            async with connect(url) as socket:
                await socket.send(json.dumps({"action": "auth", "params": key}))
                since = {"since": position} if position else {}
                await socket.send(json.dumps({"action": "subscribe", "params": pairs, **since}))
                async for frame in socket:
                    items = json.loads(frame)
                    newest = items[-1].get("_c", position)
                    if newest.partition("-")[0] != position.partition("-")[0]:
                        seen.clear()  # the numbers begin anew
                    position = newest
                    for item in items:
                        pair = f"{item['ev']}.{item.get('sym', item.get('T'))}"
                        if "_n" not in item or item["_n"] > seen.get(pair, 0):
                            print(json.dumps(item), flush=True)
                            seen[pair] = item.get("_n", 0)
        except (OSError, WebSocketException) as error:
            print(f"broken off: {error!r}", file=sys.stderr, flush=True)
        await asyncio.sleep(1)


asyncio.run(main(*sys.argv[1:4]))

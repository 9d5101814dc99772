"""Print each item that the community's client (the package `polygon`) gets, as a line of JSON. Usage: foreign.py URL KEY TICKER."""

import asyncio
import json
import sys

import polygon

url, key, ticker = sys.argv[1:4]


async def show(item: object) -> None:
    print(json.dumps(item), flush=True)


async def main() -> None:
    client = polygon.AsyncStreamClient(key, polygon.enums.StreamCluster.STOCKS)
    client._url = url  # its own hosts are the vendor's, with TLS
    await client.change_handler(polygon.enums.StreamServicePrefix.STATUS, show)
    await client.subscribe_stock_trades([ticker], show)
    await client.subscribe_stock_quotes([ticker], show)
    while True:
        await client.handle_messages()


asyncio.run(main())

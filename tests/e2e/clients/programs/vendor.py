"""Print each event that the vendor's Python client gets, as a line of JSON. Usage: vendor.py PACKAGE URL KEY PAIRS."""

import importlib
import json
import logging
import sys
from urllib.parse import urlsplit

logging.basicConfig(stream=sys.stderr, format="%(message)s")
package, url, key, pairs = sys.argv[1:5]
feed = urlsplit(url).netloc
client = importlib.import_module(package).WebSocketClient(
    key, feed=feed, market="stocks", subscriptions=pairs.split(","), secure=False, verbose=True
)


def show(events: list[object]) -> None:
    for event in events:
        print(json.dumps(vars(event), default=str), flush=True)


client.run(show)

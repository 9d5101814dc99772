"""Stream with Polygon's own client.

Usage: stream_vendor.py URL KEY T.AAPL,Q.MSFT
"""

import sys
import time
from urllib.parse import urlsplit

from massive import WebSocketClient

url, key, pairs = urlsplit(sys.argv[1]), *sys.argv[2:4]
while True:  # it does not come back by itself where a connection was closed in good order
    client = WebSocketClient(
        key, feed=url.netloc, market="stocks", subscriptions=pairs.split(","), secure=url.scheme == "wss"
    )
    client.run(lambda events: print(*events, sep="\n", flush=True))
    time.sleep(1)

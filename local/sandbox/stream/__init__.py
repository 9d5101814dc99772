"""The sandbox Polygon's WebSocket: the same simulated market that its REST routes show, pushed second by second.

- ``replay``: which moment of the tape is sent now, also while nothing trades.
- ``events``: the events of one ticker in one second, as JSON text.
- ``always_on_events``: those of the ticker that always trades.
- ``faults``: what goes wrong on request, and the limits of the socket; ``misnumber``: wrong sequence numbers.
- ``conversation``: what the server says to each message of a client.
- ``connection``: one client's connection, on a raw transport.
- ``hub``: all connections, and the pace at which events go out.
"""

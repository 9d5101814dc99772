"""The sandbox Polygon: a deterministic simulated market that speaks REST and WebSocket as the vendor does, with faults on request.

As a program::

    python -m local.sandbox --plan advanced --seed 7

Inside a test or a benchmark, either served by a thread or called without a socket::

    sandbox = Sandbox(ADVANCED)
    with serving(sandbox) as url: ...
    with serving_both(sandbox) as addresses: ...  # with the stream
    client = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(sandbox)), base_url="http://sandbox.test")

The attributes ``calls``, ``faults``, ``clock``, ``closures`` and ``stream`` of a ``Sandbox`` offer everything that its control
routes do.
"""

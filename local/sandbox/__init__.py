"""The sandbox Polygon: a deterministic simulated market that speaks the vendor's REST protocol, with faults on request.

As a program::

    python -m local.sandbox --plan advanced --seed 7

Inside a test or a benchmark, either served by a thread or called without a socket::

    sandbox = Sandbox(ADVANCED)
    with serving(sandbox) as url: ...
    client = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(sandbox)), base_url="http://sandbox.test")

The attributes ``calls``, ``faults``, ``clock`` and ``closures`` of a ``Sandbox`` offer everything that its control
routes do.
"""

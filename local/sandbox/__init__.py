"""The sandbox Polygon: a deterministic simulated market that speaks the vendor's REST wire, with faults on request.

As a program::

    python -m local.sandbox --plan advanced --seed 7

In the process of a test or a benchmark, in a thread beside it or without a socket::

    sandbox = Sandbox(ADVANCED)
    with serving(sandbox) as url: ...
    client = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(sandbox)), base_url="http://sandbox.test")

A ``Sandbox`` shows and takes everything that its control routes do: ``calls``, ``faults``, ``clock``, ``closures``.
"""

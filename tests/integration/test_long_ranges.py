"""Ranges of bars that take many upstream calls: what was fetched is kept, so that they come to an end."""

from dekr.store.link import Link
from tests.fakes.upstream import FakeUpstream
from tests.world import World


def test_a_long_fetch_that_breaks_off_goes_on_from_there(link: Link) -> None:
    upstream = FakeUpstream()
    world = World(link, upstream, per_minute=2)
    world.to("2026-11-20T15:00:00Z")
    key, path = world.key(), "/market-data/AAPL?timespan=hour&from=2010-01-01&sort=desc&limit=50000"
    assert world.get(path, key).status == 503
    first = list(upstream.calls)
    assert len(first) == 2
    for _ in range(20):
        world.later(62)
        other = World(link, upstream, per_minute=2)  # another sandbox, without copies of its own
        answer = other.get(path, other.key())
        if answer.status == 200:
            break
    assert answer.status == 200
    assert len(set(upstream.calls)) == len(upstream.calls), "nothing was fetched twice"

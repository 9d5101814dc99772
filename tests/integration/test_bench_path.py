"""The ways of requests through the code that ``python -m bench.path`` prints."""

from bench.path import Way, ways
from dekr.store.link import Link
from dekr.symbols import Ticker
from tests.round_trips import counted

POLYGON = "layers/common/dekr/polygon/"


def test_a_way_shows_what_its_request_did(link: Link) -> None:
    found: dict[str, Way] = {}
    trips_of: dict[str, int] = {}
    with counted(link) as trips:
        before = 0
        for name, way in ways(link):
            found[name], trips_of[name], before = way, trips.count - before, trips.count
    assert list(found) == ["a quote, miss", "a quote, hit", "a page of day bars, miss", "a page of day bars, hit"]
    for name, way in found.items():
        assert way.files[0] == "layers/common/dekr/http/edge/edge.py", name
        assert ("functions/quote/app.py" if "quote" in name else "functions/bars/app.py") in way.files
        assert any(file.startswith(POLYGON) for file in way.files) == ("miss" in name), name
        assert way.moves == len(way.files) - 1 + way.back.total()
        assert all(way.callbacks[file] <= way.back[file] for file in way.files)
    assert [trips_of[name] for name in found if "hit" in name] == [1, 1]


def test_a_way_within_one_file_has_no_moves() -> None:
    way = Way()
    assert way.follow(lambda: Ticker.parse("AAPL")).text == "AAPL"
    assert (way.files, way.moves, way.back.total()) == (("layers/common/dekr/symbols.py",), 0, 0)

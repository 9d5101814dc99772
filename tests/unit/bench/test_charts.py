"""Charts depend on the figures alone: the same figures give the same bytes."""

from pathlib import Path
from typing import Any

from bench.charts import draw

RESULTS = {
    "hit_get_us": 80.0,
    "hit_round_trip_us": 60.0,
    "hit_service_us": 90.0,
    "hit_handler_us": 151.0,
    "peer_cpu_us": 400.0,
    "peer_cpu_ratio": 0.25,
    "peer_bars_cpu_us": 800.0,
    "peer_bars_cpu_ratio": 0.5,
    "memory_quote_bytes": 283.0,
    "memory_quote_plain_bytes": 283.0,
    "memory_minute_bars_bytes": 12_548.0,
    "memory_minute_bars_plain_bytes": 51_632.0,
}


def savings(saved: float = 94.1) -> dict[str, Any]:
    baselines = {
        "one way": {"saved_pct": {"mean": 31.4}, "violations": 0},
        "another": {"saved_pct": {"mean": 52.6}, "violations": 7},
    }
    quotes = {"10000": {"saved_pct": {"mean": saved}, "baselines": baselines}}
    return {
        "quotes": quotes,
        "mixed": {"10000": {"saved_pct": {"mean": 81.2}, "baselines": {}}},
        "sensitivity": [{"tiers": "mostly free", "popularity": "as fitted", "saved_pct": 97.3}],
    }


def test_the_same_figures_make_the_same_bytes(tmp_path: Path) -> None:
    names = draw(RESULTS, savings(), tmp_path / "one")
    assert names == draw(RESULTS, savings(), tmp_path / "two")
    assert names == ["saved.svg", "saved-mixed.svg", "sensitivity.svg", "hit.svg", "cpu.svg", "memory.svg"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_other_figures_show(tmp_path: Path) -> None:
    draw({}, {"quotes": savings()["quotes"]}, tmp_path)
    before = (tmp_path / "saved.svg").read_text()
    draw({}, {"quotes": savings(88.8)["quotes"]}, tmp_path)
    after = (tmp_path / "saved.svg").read_text()
    assert ">94.1<" in before and ">88.8<" not in before
    assert ">88.8<" in after and ">94.1<" not in after


def test_a_policy_that_breaks_the_promise_is_marked(tmp_path: Path) -> None:
    draw({}, {"quotes": savings()["quotes"]}, tmp_path)
    chart = (tmp_path / "saved.svg").read_text()
    assert ">another (older than allowed)<" in chart
    assert ">one way<" in chart


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    assert draw({}, {}, tmp_path) == []
    assert draw(RESULTS, {}, tmp_path) == ["hit.svg", "cpu.svg", "memory.svg"]


def test_parts_of_a_hit_are_what_each_step_adds(tmp_path: Path) -> None:
    draw({name: figure for name, figure in RESULTS.items() if name.startswith("hit_")}, {}, tmp_path)
    chart = (tmp_path / "hit.svg").read_text()
    for text in ("limit and entry: 60", "the answer: 30", "log line: 61", ">151<", ">80<"):
        assert text in chart, text

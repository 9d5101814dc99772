"""New figures replace the old ones in bench/README.md and nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.figures import BENCH, COSTS, SAVED
from bench.readme import machine, put, table


def test_new_figures_take_the_place_of_the_old_ones_and_of_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- costs -->\nold\n<!-- end of costs -->\nafter <!-- saved -->\n<!-- end of saved -->\n")
    put("costs", table(["name", "value"], [["calls", "1"]]), path)
    put("costs", table(["name", "value"], [["calls", "2"]]), path)
    assert path.read_text() == (
        "before\n<!-- costs -->\n\n| name | value |\n| --- | --- |\n| calls | 2 |\n\n<!-- end of costs -->\n"
        "after <!-- saved -->\n<!-- end of saved -->\n"
    )


def test_without_a_place_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("<!-- costs -->\nno end")
    with pytest.raises(ValueError, match="substring not found"):
        put("costs", [], path)
    assert path.read_text() == "<!-- costs -->\nno end"


def test_the_machine_is_named() -> None:
    line = machine("make bench", datetime(2026, 11, 21, tzinfo=UTC))
    assert line.startswith("`make bench` on 21 November 2026: ")


@pytest.mark.parametrize("part", [COSTS, SAVED])
def test_the_real_one_has_a_place_for_each_part(part: str) -> None:
    text = (BENCH / "README.md").read_text()
    assert text.index(f"<!-- {part} -->") < text.index(f"<!-- end of {part} -->")

"""The table of endpoints: each row is complete, and an endpoint that is passed on needs nothing else."""

from string import Formatter

import pytest
from pydantic import BaseModel

from dekr.polygon import endpoints, wire_lists
from dekr.polygon.endpoints import Endpoint, Shape

ROWS = [row for row in vars(endpoints).values() if isinstance(row, Endpoint)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_lease_lasts_longer_than_an_attempt(row: Endpoint) -> None:
    assert row.lease_ms > row.attempt_s * 1000


@pytest.mark.parametrize("shape", Shape)
def test_each_shape_is_a_model(shape: Shape) -> None:
    assert issubclass(getattr(wire_lists, shape), BaseModel)


@pytest.mark.parametrize("row", [row for row in ROWS if row.shape], ids=lambda row: row.name)
def test_what_is_passed_on_has_no_part_but_a_ticker_in_its_path(row: Endpoint) -> None:
    assert {name for _, name, _, _ in Formatter().parse(row.path) if name} <= {"ticker"}


def test_two_endpoints_of_one_family_are_two_views_of_one_address_or_of_one_service() -> None:
    shared = {row.family.name for row in ROWS for other in ROWS if row is not other and row.family == other.family}
    assert shared == {"market", "prev", "marketstatus"}

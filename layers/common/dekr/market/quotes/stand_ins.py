"""The closes of bars that stand for quotes or trades where a source of many tickers has none."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dekr.cache.entry import Kind
from dekr.cache.keys import Datum
from dekr.errors import StoreDown
from dekr.gate.permit import Permit
from dekr.market.quotes.entries import has
from dekr.market.quotes.sources import LADDERS
from dekr.market.read.single_flight import SingleFlight

if TYPE_CHECKING:
    from dekr.polygon.latest import Snapshot


def close_datum_of(
    single_flight: SingleFlight, found: "Sequence[Snapshot]", datum: Datum, permit: Permit
) -> Datum | None:
    """The datum for which the close of a bar in these snapshots may stand for every reader; None where it may not.

    It may where none of the snapshots has the datum itself and the plan is known to lack it: then closes are the best there is.
    """
    if permit.alone or any(has(snapshot, datum, None) for snapshot in found):
        return None
    try:
        return datum if single_flight.gate.denied(LADDERS[datum][0].family, permit.stamp_us) else None
    except StoreDown as error:
        single_flight.passed_over.note(error)
        return None


def kind_of_closes(close_datum: Datum | None) -> Kind:
    """The kind of an entry made of a bar's close: a value where it may stand for a datum of every reader, else a stand-in."""
    return Kind.VALUE if close_datum else Kind.STAND_IN

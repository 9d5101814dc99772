"""POST and DELETE /preferences/symbols, and the EventBridge event SymbolsPreferred: symbols that are expected to be requested."""

import json
from typing import Any

from dekr.access.principal import Role
from dekr.errors import InvalidInput, StoreDown
from dekr.http import Edge, Response
from dekr.http.edge.diagnosis import Diagnosis
from dekr.http.edge.log import Level, emit
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import SymbolPath
from dekr.http.edge.request import LambdaContext
from dekr.http.native.preferences import Preference, PreferredBody
from dekr.models.preferences import PreferredSymbols, Unpreferred
from dekr.symbols import Ticker
from dekr.times import rfc3339

edge = Edge("preferences")


@edge.post("/preferences/symbols", responses=json_of(PreferredSymbols))
def prefer(body: PreferredBody) -> Response[str]:
    """Expect requests for these symbols of the user in `X-Dekr-User`, so that they are preloaded. For service and admin keys."""
    edge.principal.require(Role.SERVICE, Role.ADMIN)
    edge.check_parameters()
    return edge.answer(json.dumps(_add(edge.principal.user_id, Preference.of(body, edge.now_ms * 1000))))


@edge.delete("/preferences/symbols/<symbol>", responses=json_of(Unpreferred))
def unprefer(symbol: SymbolPath) -> Response[str]:
    """Expect no more requests for a symbol. For service and admin keys."""
    edge.principal.require(Role.SERVICE, Role.ADMIN)
    ticker = Ticker.parse(symbol).text
    edge.check_parameters()
    left = edge.services.preferences.end(edge.principal.user_id, ticker)
    return edge.answer(json.dumps({"symbol": ticker, "preferred": left}))


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle an event of the HTTP API, or one of EventBridge. Raises StoreDown for an event not kept: Lambda tries again."""
    if "detail-type" not in event:
        return edge.handler(event, context)
    now_us, facts, level = edge.services.now_us(), {"event_id": str(event.get("id"))}, Level.INFO
    try:
        facts |= _add(*Preference.of_event(event, now_us))
    except InvalidInput as error:
        # It would be as wrong the next time, so Lambda must not try again. Its sender is a module of ours, hence the warning.
        facts |= {"error": error.code, "detail": error.detail}
        level = Level.WARNING
    except StoreDown as error:
        emit("preferences", now_us, facts | Diagnosis(error).facts(), Level.ERROR)
        raise
    emit("preferences", now_us, facts, level)
    return facts


def _add(user: str, preference: Preference) -> dict[str, Any]:
    kept = edge.services.preferences.add(user, preference.tickers, preference.weight, preference.until_us)
    known = {"symbols": preference.tickers, "weight": preference.weight, "preferred": kept}
    return {**known, "until": rfc3339(preference.until_us * 1000)}

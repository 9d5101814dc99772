"""The stream's socket: what API Gateway reports of its connections, and the greetings that the function has itself send."""

from typing import Any, Final

from aws_lambda_powertools import Logger

from dekr.errors import DekrError
from dekr.http.edge.diagnosis import Diagnosis
from dekr.http.edge.log import Level, emit
from dekr.stream.conversation.turn import METRICS, EventType
from dekr.wiring import services

SERVICE: Final = "stream-connect"
ACCEPTED: Final = {"statusCode": 200}
BROKEN: Final = {"statusCode": 500}

wire = services
_logger: Final = Logger(service=SERVICE)


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Handle one event, write its line of log, and answer with a status alone, which a client sees when it connects.

    It never raises: API Gateway would send the client an error of its own.
    """
    del context
    try:
        return {"statusCode": _handle(event)}
    except Exception:  # the outermost edge: what fails in the wiring, or is no event of a connection
        _logger.exception("unexpected")
        kind = event.get("requestContext", {}).get("eventType")
        return BROKEN if kind == EventType.CONNECT else ACCEPTED


def _handle(event: dict[str, Any]) -> int:
    services = wire()
    turn = services.conversation.handle(event)
    error = turn.error
    if turn.crash is not None:
        _logger.error("unexpected", exc_info=turn.crash, connection=turn.connection)
        error = DekrError("Something went wrong on our side; it has been logged.")
        error.__cause__ = turn.crash
    diagnosis = Diagnosis(error, failures=services.passed_over.take())
    level = Level.ERROR if turn.crash is not None else diagnosis.level()
    emit(SERVICE, services.now_us(), {**turn.facts(), **diagnosis.facts()}, level, counts=METRICS)
    return turn.status

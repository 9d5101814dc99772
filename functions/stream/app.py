"""POST /stream/start and the other routes of /stream."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Answer that it is not there yet."""
    del event, context
    return {"statusCode": 501}

"""The stream's socket: API Gateway's $connect, $disconnect and messages."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Accept the event and say nothing."""
    del event, context
    return {"statusCode": 200}

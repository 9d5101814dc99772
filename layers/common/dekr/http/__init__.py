"""The HTTP edge of every function: who asks, what they may ask, and how answers and errors look."""

import sys

if "botocore" not in sys.modules:
    # Powertools imports botocore, where there is one, to name itself in calls of AWS; a hit makes none.
    sys.modules["botocore"] = None  # type: ignore[assignment] # Python's own way to say: not to be found
    try:
        import aws_lambda_powertools  # noqa: F401 - for its effect
    finally:
        del sys.modules["botocore"]

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.http.edge import Edge

__all__ = ["Edge", "Query", "Response"]

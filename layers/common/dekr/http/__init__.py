"""The HTTP edge of every function: who asks, what they may ask, and how answers and errors look.

What a cold start pays for is decided here, where a function's imports begin. The garbage collector finds nothing in what
is being imported, so it rests meanwhile and never looks at it again (a tenth of the time). Powertools imports botocore,
where there is one, to name itself in calls of AWS; a hit makes none.
"""

import gc
import sys

gc.disable()
if "botocore" not in sys.modules:
    sys.modules["botocore"] = None  # type: ignore[assignment] # Python's own way to say: not to be found
    try:
        import aws_lambda_powertools  # noqa: F401 - for its effect
    finally:
        del sys.modules["botocore"]

from aws_lambda_powertools.event_handler import Response  # noqa: E402 - see above
from aws_lambda_powertools.event_handler.openapi.params import Query  # noqa: E402 - see above

from dekr.http.edge.edge import Edge  # noqa: E402 - see above

gc.freeze()
gc.enable()

__all__ = ["Edge", "Query", "Response"]

"""The HTTP side of every function: the edge, the pages, and the routes of both dialects (Dekr's own and Polygon's).

A function's imports begin here, so here it is decided what a cold start pays for. The garbage collector finds nothing in what is
being imported, so it rests meanwhile and never looks at it again (a tenth of the time). Powertools imports botocore, where it is
installed, to name itself in calls of AWS; a hit makes none. At its first model, pydantic looks for plugins in every installed
package, and the layer has none.
"""

import gc
import os
import sys

gc.disable()
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
if "botocore" not in sys.modules:
    sys.modules["botocore"] = None  # type: ignore[assignment] # by this Python does not find the module
    try:
        import aws_lambda_powertools  # noqa: F401 - imported while botocore cannot be found
    finally:
        del sys.modules["botocore"]

from aws_lambda_powertools.event_handler import Response  # noqa: E402 - after the collector rests and Powertools is imported
from aws_lambda_powertools.event_handler.openapi.params import Query  # noqa: E402 - after the collector rests and Powertools is imported

from dekr.http.edge.edge import Edge  # noqa: E402 - after the collector rests and Powertools is imported

gc.freeze()
gc.enable()

__all__ = ["Edge", "Query", "Response"]

"""The upstream client of a worker, which sends with every call the lease under which it is made."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chaos.upstream_proxy import HEADER
from dekr.errors import DekrError
from dekr.gate.local_gate import LocalGate
from dekr.gate.permit import Permit
from dekr.polygon.client import PolygonClient
from dekr.polygon.failures import NotEntitled


@dataclass(frozen=True, slots=True)
class ReportingClient:
    """A PolygonClient that describes its lease in a request header.

    ``report`` is called at the end of every fetch with the permit's token and whether it got a good answer.
    """

    client: PolygonClient
    worker: str
    report: Callable[[str, bool], None]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method of the client, wrapped so that it sends the header and reports its end."""
        method = getattr(self.client, name)

        def reported_call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapper takes and returns what the method does
            (permit,) = (arg for arg in args if isinstance(arg, Permit))
            self.client.transport.client.headers[HEADER] = json.dumps(
                {
                    "worker": self.worker,
                    "datum": permit.request.lease,
                    "token": permit.token or f"alone {self.worker} {time.time_ns()}",
                    "granted_us": permit.stamp_us,
                    "lease_ms": permit.request.lease_ms,
                    "without_store": isinstance(permit.issuer, LocalGate),
                }
            )
            try:
                result = method(*args, **kwargs)
            except (DekrError, NotEntitled):
                self.report(permit.token, False)
                raise
            self.report(permit.token, True)
            return result

        return reported_call

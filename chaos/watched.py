"""The upstream client of a worker, which says with every call whose leave it has."""

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
class Watched:
    """A PolygonClient. ``told`` is called at the end of every question: its permit's token, and whether it went well."""

    client: PolygonClient
    worker: str
    told: Callable[[str, bool], None]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A method of the client."""
        method = getattr(self.client, name)

        def asked(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever the method takes and returns
            (permit,) = (arg for arg in args if isinstance(arg, Permit))
            self.client.transport.client.headers[HEADER] = json.dumps(
                {
                    "worker": self.worker,
                    "datum": permit.request.lease,
                    "token": permit.token or f"alone {self.worker} {time.time_ns()}",
                    "granted_us": permit.stamp_us,
                    "lease_ms": permit.request.lease_ms,
                    "alone": isinstance(permit.issuer, LocalGate),
                }
            )
            try:
                found = method(*args, **more)
            except (DekrError, NotEntitled):
                self.told(permit.token, False)
                raise
            self.told(permit.token, True)
            return found

        return asked

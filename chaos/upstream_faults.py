"""The upstream faults: what happens to the upstream, and to the connections to it."""

import asyncio
from dataclasses import dataclass
from typing import Final

import httpx

from chaos.fault_log import FaultLog
from chaos.proxy_behaviour import ProxyBehaviour
from chaos.proxy_listener import ProxyListener
from chaos.schedule import Fault

SANDBOX_KINDS: Final = {
    "429 storm": "429",
    "malformed": "malformed",
    "truncated": "truncated",
    "wrong ticker": "wrong_ticker",
    "from the future": "future",
}
"""Faults that the sandbox Polygon produces itself, with its own names for them."""

PROXY_FLAGS: Final = {"brown-out": "failing", "upstream slow": "slow", "upstream cut": "cutting"}
"""Faults that the proxy produces, with the names of its flags."""


@dataclass(slots=True)
class UpstreamFaults:
    """Injects faults into the upstream and the connections to it. ``control``: an HTTP client of the sandbox's control
    routes.
    """

    behaviour: ProxyBehaviour
    listener: ProxyListener
    control: httpx.AsyncClient
    fault_log: FaultLog

    async def inject(self, fault: Fault) -> None:
        """Inject one upstream fault."""
        with self.fault_log.during(fault):
            if fault.kind in SANDBOX_KINDS:
                await self._in_sandbox(SANDBOX_KINDS[fault.kind], fault.duration_s)
            elif fault.kind in PROXY_FLAGS:
                with self.behaviour.switched_on(PROXY_FLAGS[fault.kind]):
                    await asyncio.sleep(fault.duration_s)
            elif fault.kind == "upstream hung":
                with self.behaviour.blocked():
                    await asyncio.sleep(fault.duration_s)
            elif fault.kind == "upstream refused":
                await self.listener.refuse_for(fault.duration_s)
            else:
                self.listener.reset()

    async def _in_sandbox(self, kind: str, seconds: float) -> None:
        (await self.control.post("/_control/faults", json={"kind": kind})).raise_for_status()
        # Calls that arrive from here on get garbage for certain; those that arrived a moment ago may.
        with self.behaviour.switched_on("corrupting"):
            await asyncio.sleep(seconds)
        (await self.control.delete("/_control/faults")).raise_for_status()

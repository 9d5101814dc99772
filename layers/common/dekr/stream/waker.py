"""Starts the relay when somebody subscribes and none runs."""

from dataclasses import dataclass

from dekr.errors import Unavailable
from dekr.passed_over import PassedOver
from dekr.stream.aws import Invoker


@dataclass(frozen=True, slots=True, eq=False)
class RelayWaker:
    """Invokes the relay's function (its alias) asynchronously. ``passed_over`` collects failures: its schedule is there, too."""

    invoker: Invoker
    function: str
    passed_over: PassedOver

    def wake(self) -> None:
        """Have a relay started, and do not wait for it. Never raises."""
        try:
            self.invoker.invoke(self.function, {"wake": "subscription"})
        except Unavailable as error:
            self.passed_over.note(error)

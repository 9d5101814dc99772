"""Give trades and quotes wrong sequence numbers on request, as the vendor's sometimes have."""

import re
from collections.abc import Sequence
from typing import Final

from local.sandbox.stream.events import Event
from local.sandbox.stream.faults import StreamControl

_SEQUENCE: Final = re.compile(r'"q":(\d+)')
_BACKWARD: Final = 1_000


class Misnumbering:
    """The sequence numbers that were sent while any were to be wrong, the last of each pair."""

    def __init__(self, control: StreamControl) -> None:
        self._control = control
        self._previous: dict[str, int] = {}

    def of(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return these events, with as many wrong sequence numbers as are ordered. The first of each pair is always right."""
        if self._control.repeated_q or self._control.backward_q:
            return [self._misnumbered(event) for event in events]
        self._previous.clear()
        return events

    def _misnumbered(self, event: Event) -> Event:
        found = _SEQUENCE.search(event.text) if event.pair.startswith(("T.", "Q.")) else None
        previous = self._previous.get(event.pair)
        if found is None:
            return event
        if previous is None or not (self._control.repeated_q or self._control.backward_q):
            self._previous[event.pair] = int(found[1])
            return event
        if self._control.repeated_q:
            self._control.repeated_q -= 1
            number = previous
        else:
            self._control.backward_q -= 1
            number = previous - _BACKWARD
        return event._replace(text=_SEQUENCE.sub(f'"q":{number}', event.text, count=1))

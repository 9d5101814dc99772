"""Lists in the upstream's answers without the items that cannot be used: one broken item never costs its neighbours.

The items that are left out are counted: for the log in the reply, and for the caller by whoever makes an entry of the list.
"""

from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from dekr.errors import UpstreamInvalid
from dekr.polygon.transport import Reply

MAX_BROKEN: Final = 0.03
"""The largest fraction of a list's items that may be broken. A single one may be, too, where the list has any other."""


class Broken(NamedTuple):
    """An item that was left out, and the one ``before`` it in the list (None for the first): both as sent."""

    item: Any
    before: Any


@dataclass(slots=True, eq=False)
class Listed[I]:
    """A list of the upstream's: its ``items`` as models and as they were ``sent``, side by side, without those that are ``broken``.

    ``total``: the length of the list as it came. ``faults``: the reply's record of what was left out.
    """

    name: str
    items: list[I]
    sent: list[Any]
    total: int
    faults: list[str]
    broken: list[Broken] = field(default_factory=list)

    def leave_out(self, faults: Mapping[int, str]) -> None:
        """Leave out the items at these positions; each has the rule that it breaks. Raises UpstreamInvalid where too many are
        broken.
        """
        if not faults:
            return
        self.broken += _broken(self.sent, faults)
        self.faults += faults.values()
        self.choose([position for position in range(len(self.sent)) if position not in faults])
        _check_enough(self.name, len(self.broken), self.total, self.faults)

    def check_doubled(self, keys: Sequence[Hashable]) -> None:
        """Raise UpstreamInvalid where too many of these keys, one for each item, come more than once: then it is not an item that
        is doubled, but keys that are mixed up.
        """
        if doubled := len(keys) - len(set(keys)):
            faults = [*self.faults, "the same item twice"]
            _check_enough(self.name, len(self.broken) + doubled, self.total, faults)

    def count_missing(self, count: int, fault: str) -> None:
        """Count so many items as left out that the list should have. Raises UpstreamInvalid where too many are."""
        if count > 0:
            self.faults += [fault] * count
            _check_enough(self.name, len(self.broken) + count, self.total + count, self.faults)

    def choose(self, positions: Sequence[int]) -> None:
        """Go on with the items at these positions, in this order; the others do not count as broken."""
        self.items = [self.items[position] for position in positions]
        self.sent = [self.sent[position] for position in positions]


def checked[M: BaseModel](model: type[M], sent: object) -> M:
    """The parsed JSON as the model. Raises UpstreamInvalid, whose fault names the field and the rule that it breaks."""
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise _another_shape(broken_rule(model, error)) from error


def read_list[M: BaseModel](model: type[M], reply: Reply, name: str) -> tuple[M, Listed[Any]]:
    """The reply as the model, and its list in the field ``name``, without the items that break the rules of their model.

    Raises UpstreamInvalid where anything else is wrong, or too many items are.
    """
    body, faults = reply.body, dict[int, str]()
    try:
        answer = model.model_validate(body)
    except ValidationError as error:
        faults = _faults_of_items(model, error, name)
        total = len(body[name])
        _check_enough(name, len(faults), total, list(faults.values()), error)
        rest = [item for position, item in enumerate(body[name]) if position not in faults]
        answer = checked(model, {**body, name: rest})
        reply.left_out.extend(faults.values())
        listed = Listed(name, getattr(answer, name), rest, total, reply.left_out, _broken(body[name], faults))
    else:
        sent = (body.get(name) if isinstance(body, dict) else None) or []
        listed = Listed(name, getattr(answer, name) or [], list(sent), len(sent), reply.left_out)
    return answer, listed


def broken_rule(model: type[BaseModel], error: ValidationError) -> str:
    """The first rule of a model that an answer broke, for the log: the model, the field's path and the kind of fault, such as
    ``LastQuoteAnswer: results.t: int_type``; never the value.
    """
    first, count = error.errors(include_input=False, include_url=False)[0], error.error_count()
    return _rule(model, first) + (f" and {count - 1} more" if count > 1 else "")


def last_of_each(keys: Sequence[Hashable]) -> list[int]:
    """The position of the last item of each key, in the order in which the keys come first."""
    return list({key: position for position, key in enumerate(keys)}.values())


def rising(times: Sequence[int]) -> list[int]:
    """The positions of a longest rising part of the times (https://en.wikipedia.org/wiki/Longest_increasing_subsequence): without
    the fewest that stand where they cannot.
    """
    ends: list[int] = []
    positions: list[int] = []
    before: list[int] = []
    for position, time in enumerate(times):
        length = bisect_left(ends, time)
        ends[length : length + 1] = [time]
        positions[length : length + 1] = [position]
        before.append(positions[length - 1] if length else -1)
    found: list[int] = []
    position = positions[-1] if positions else -1
    while position >= 0:
        found.append(position)
        position = before[position]
    return found[::-1]


def _check_enough(
    name: str, broken: int, total: int, faults: Sequence[str], cause: ValidationError | None = None
) -> None:
    """Raise UpstreamInvalid where too many of a list's items are broken, or all of them."""
    if broken >= total or broken > max(1, total * MAX_BROKEN):
        fault = faults[0] if total == 1 else f"{broken} of {total} {name}, first {faults[0]}"
        raise _another_shape(fault) from cause


def _broken(sent: Sequence[Any], positions: Mapping[int, str]) -> list[Broken]:
    return [Broken(sent[position], sent[position - 1] if position else None) for position in sorted(positions)]


def _faults_of_items(model: type[BaseModel], error: ValidationError, name: str) -> dict[int, str]:
    """The rule that each broken item breaks, by its position. Raises UpstreamInvalid where anything but an item is wrong."""
    faults: dict[int, str] = {}
    for each in error.errors(include_input=False, include_url=False):
        where = each["loc"]
        if len(where) < 2 or where[0] != name or not isinstance(where[1], int):  # noqa: PLR2004 - a field and a position
            raise _another_shape(broken_rule(model, error)) from error
        faults.setdefault(where[1], _rule(model, each))
    return faults


def _rule(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in error["loc"]) or "."
    return f"{model.__name__}: {path}: {error['type']}"


def _another_shape(fault: str) -> UpstreamInvalid:
    return UpstreamInvalid("The data provider sent an answer of another shape.", fault=fault)

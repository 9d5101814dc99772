"""One question to the upstream: at most two attempts, each paid from the budget and reported to the breaker.

Only what may pass by itself is tried again (5xx, time-outs, broken connections, answers that broke off), after a wait with
full jitter (a random time from 0 up; aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter) and only while the
deadline leaves room for the wait and a useful attempt.
"""

from collections.abc import Callable
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from dekr.errors import DeadlineExceeded, UnknownSymbol, UpstreamDown, UpstreamInvalid
from dekr.gate.call import Call, Outcome
from dekr.polygon.failures import Broken, Cut, NotEntitled, Throttled

ATTEMPTS: Final = 2
MAX_JITTER_S: Final = 0.25
LEAST_USEFUL_S: Final = 0.2
"""An attempt with less time than this is not started."""

_SEEN: Final[tuple[tuple[type[Exception], Outcome], ...]] = (
    (Throttled, Outcome.THROTTLED),
    (Broken, Outcome.FAILED),
    (UpstreamDown, Outcome.KEY_REFUSED),
    (NotEntitled, Outcome.NOT_ENTITLED),
    (UnknownSymbol, Outcome.REFUSED),
    (Cut, Outcome.FAILED),
    (UpstreamInvalid, Outcome.MALFORMED),
)
"""The first line that fits counts; what is down without being broken or throttled lacks a key."""


def ask[T](
    attempt: Callable[[], T],
    family: str,
    call: Call,
    *,
    monotonic: Callable[[], float],
    random: Callable[[], float],
    sleep: Callable[[float], None],
) -> T:
    """What ``attempt`` returns. Raises what it raises, DeadlineExceeded, and what ``call.spend`` raises."""

    def paid() -> T:
        if call.deadline.left_s() < LEAST_USEFUL_S:
            raise DeadlineExceeded("There is not enough time left to ask the data provider.")
        call.spend(family)
        started_s, outcome, pause_s = monotonic(), Outcome.OK, 0.0
        try:
            return attempt()
        except tuple(kind for kind, _ in _SEEN) as error:
            outcome = next(seen for kind, seen in _SEEN if isinstance(error, kind))
            pause_s = error.retry_after_s if isinstance(error, Throttled) else 0.0
            raise
        finally:
            call.observe(family, outcome, monotonic() - started_s, pause_s)

    def stop(state: RetryCallState) -> bool:
        return state.attempt_number >= ATTEMPTS or call.deadline.left_s() < MAX_JITTER_S + 2 * LEAST_USEFUL_S

    return Retrying(
        retry=retry_if_exception_type((Broken, Cut)),
        wait=lambda _: random() * MAX_JITTER_S,
        stop=stop,
        sleep=sleep,
        reraise=True,
    )(paid)

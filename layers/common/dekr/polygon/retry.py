"""Retries of one request to the upstream: at most two attempts, each paid from the budget and reported to the breaker and the
log.

Only what may pass by itself is tried again (5xx, broken connections, answers that broke off), and only where it failed soon: a call
that hung has taken its reader's time. Before the second attempt there is a wait with full jitter (a random time from 0 up;
aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter), and the deadline must leave room for it and a useful attempt.
"""

from collections.abc import Callable, Sequence
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from dekr.errors import DeadlineExceeded, UnknownSymbol, UpstreamDown, UpstreamInvalid, UpstreamUnreachable, fault_of
from dekr.gate.call import Attempt, Call, CallOutcome
from dekr.gate.permit import SLOW_FAILURE_S
from dekr.polygon.endpoints import Endpoint
from dekr.polygon.failures import Broken, Cut, KeyRefused, KeyUnusable, NotEntitled, Throttled

MAX_ATTEMPTS: Final = 2
MAX_JITTER_S: Final = 0.25
MIN_USEFUL_S: Final = 0.2
"""An attempt with less time than this (seconds) is not started."""

_OUTCOMES: Final[tuple[tuple[type[Exception], CallOutcome], ...]] = (
    (Throttled, CallOutcome.THROTTLED),
    (Broken, CallOutcome.FAILED),
    (UpstreamUnreachable, CallOutcome.UNREACHABLE),
    (KeyUnusable, CallOutcome.KEY_MISSING),
    (KeyRefused, CallOutcome.KEY_REFUSED),
    (UpstreamDown, CallOutcome.KEY_MISSING),
    (NotEntitled, CallOutcome.NOT_ENTITLED),
    (UnknownSymbol, CallOutcome.NOT_FOUND),
    (Cut, CallOutcome.FAILED),
    (UpstreamInvalid, CallOutcome.MALFORMED),
)
"""The outcome of an attempt by its error; the first line that fits counts. Any other UpstreamDown comes from reading the key."""


def with_retry[T](
    attempt: Callable[[], tuple[T, Sequence[str]]],
    endpoint: Endpoint,
    call: Call,
    *,
    monotonic: Callable[[], float],
    random: Callable[[], float],
    sleep: Callable[[float], None],
    ticker: str = "",
) -> T:
    """Return what ``attempt`` returns, at its second try if need be. Each try is paid with ``call.spend`` and observed by ``call``.

    ``attempt`` also returns the rules that items broke which it left out of its answer. ``ticker``: the ticker or tickers that the
    call is for. ``monotonic`` is the clock by which attempts are timed, ``random`` gives numbers from 0 to 1, ``sleep`` waits (all
    seconds).
    Raises what ``attempt`` and ``call.spend`` raise, and DeadlineExceeded.
    """
    seconds = 0.0

    def paid() -> T:
        nonlocal seconds
        if call.deadline.left_s() < MIN_USEFUL_S:
            text = "There is not enough time left to call the data provider."
            raise DeadlineExceeded(text, fault=f"less than {MIN_USEFUL_S} s left for {endpoint.name}")
        call.spend(endpoint.family)
        started_s, outcome, pause_s, cause = monotonic(), CallOutcome.OK, 0.0, None
        left_out: Sequence[str] = ()
        try:
            found, left_out = attempt()
        except tuple(kind for kind, _ in _OUTCOMES) as error:
            outcome = next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))
            pause_s = error.retry_after_s if isinstance(error, Throttled) else 0.0
            cause = fault_of(error)
            raise
        else:
            cause = next(iter(left_out), None)
            return found
        finally:
            seconds = monotonic() - started_s
            call.observe(
                Attempt(endpoint.name, endpoint.family, outcome, seconds, pause_s, cause, ticker, len(left_out))
            )

    def stop(state: RetryCallState) -> bool:
        hung = seconds >= SLOW_FAILURE_S
        return hung or state.attempt_number >= MAX_ATTEMPTS or call.deadline.left_s() < MAX_JITTER_S + 2 * MIN_USEFUL_S

    return Retrying(
        retry=retry_if_exception_type((Broken, Cut, UpstreamUnreachable)),
        wait=lambda _: random() * MAX_JITTER_S,
        stop=stop,
        sleep=sleep,
        reraise=True,
    )(paid)

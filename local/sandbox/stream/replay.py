"""Which moment of the tape is streamed at a moment of the clock.

In a session it is the present. While the market is closed it is the last trading day's regular session, from its open to its
close and over again, second for second, so that there is always something to receive. Replayed events keep the times, ids and
sequence numbers that they had: ``/v3/trades``, ``/v3/quotes`` and ``/v2/aggs`` answer with the very same events for these times,
and nothing that REST says at night depends on the replay. At each start of the replay times and sequence numbers go back.
"""

from local.sandbox.trading_days import newest_begun


def tape_us(now_us: int) -> int:
    """Return the moment of the tape, in microseconds, whose events are streamed at ``now_us``.

    Sessions begin and end at whole seconds, so a whole second always stands for a whole second of the tape.
    """
    day = newest_begun(now_us)
    if now_us < day.post_close_us:
        return now_us
    return day.open_us + (now_us - day.post_close_us) % (day.close_us - day.open_us)

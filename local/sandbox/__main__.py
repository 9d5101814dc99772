"""``python -m local.sandbox``: serve the sandbox Polygon on this machine until it is told to stop."""

import argparse
import gc
import signal
from dataclasses import replace
from datetime import datetime

from local.sandbox.clock import Clock, parse_moment
from local.sandbox.plans import ADVANCED, PLANS
from local.sandbox.server import Server
from local.sandbox.state import KEY, SEED, Sandbox


def main() -> None:
    """Serve as the command line says. The lines with the addresses are printed once connections are accepted."""
    options = _options()
    plan = PLANS[options.plan]
    if options.per_minute is not None:
        plan = replace(plan, per_minute=options.per_minute)
    sandbox = Sandbox(plan, options.key, options.seed, options.latency_ms / 1000)
    if options.now is not None:
        sandbox.clock.set(options.now)
    if options.clock_offset_us:
        sandbox.clock.shift(options.clock_offset_us)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn catches the signal, stops, and then raises it again: this handler makes that a clean exit.
        signal.signal(number, _exit)
    # The market's caches are half a million small objects without cycles: collecting them at the default rate would take
    # a third of the time of an answer about all tickers.
    gc.set_threshold(100_000, 20, 100)
    server = Server(sandbox, options.port, options.stream_port)
    print(f"listening on {server.addresses.url}\nstreaming on {server.addresses.stream}", flush=True)
    server.run(sockets=[server.listener])


def _exit(number: int, frame: object) -> None:
    del number, frame
    raise SystemExit(0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one (default)")
    parser.add_argument("--stream-port", type=int, default=0, help="of the WebSocket; 0: a free one (default)")
    parser.add_argument("--plan", choices=sorted(PLANS), default=ADVANCED.name)
    parser.add_argument("--key", default=KEY, help="the one key that is accepted (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="the market's seed (default: %(default)s)")
    parser.add_argument("--latency-ms", type=_non_negative, default=0.0, help="added to each answer (default: 0)")
    parser.add_argument("--per-minute", type=_positive, help="calls a minute (default: 5 on the free plan, else any)")
    clock = parser.add_mutually_exclusive_group()
    clock.add_argument("--now", type=_moment, help="where the clock starts, RFC 3339 (default: the real time)")
    clock.add_argument(
        "--clock-offset-us", type=_offset_us, default=0, help="how far the clock is ahead of the real time"
    )
    return parser.parse_args()


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _offset_us(text: str) -> int:
    try:
        Clock().shift(int(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("must be a number that leads to a moment of the market's years") from None
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(text)


def _non_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("must be a number from 0")
    return value


if __name__ == "__main__":
    main()

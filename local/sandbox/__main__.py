"""``python -m local.sandbox``: serves the sandbox Polygon on this machine until it is told to stop."""

import argparse
import asyncio
import signal
import socket
from datetime import datetime

import uvicorn

from local.sandbox.app import Sandbox
from local.sandbox.plans import PLANS, Plan


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--plan", choices=sorted(PLANS), default="advanced")
    parser.add_argument("--key", default="sandbox-key-not-real")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--per-minute", type=int, help="calls a minute; default: the plan's")
    parser.add_argument("--now", type=datetime.fromisoformat, help="where the clock starts (RFC 3339); default: now")
    options = parser.parse_args()
    plan = PLANS[options.plan]
    if options.per_minute is not None:
        plan = Plan(plan.name, options.per_minute, plan.quotes, plan.snapshots, plan.delay_us, plan.end_of_day)
    asyncio.run(_serve(options, plan))


async def _serve(options: argparse.Namespace, plan: Plan) -> None:
    sandbox = Sandbox(plan, options.key, options.seed, options.latency_ms / 1000)
    if options.now is not None:
        sandbox.clock.set(options.now)
    listener = socket.create_server(("127.0.0.1", options.port))
    server = uvicorn.Server(
        uvicorn.Config(sandbox.app(), log_level="warning", access_log=False, date_header=False, lifespan="off")
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))

    def stop() -> None:
        sandbox.stopping.set()
        server.should_exit = True

    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await serving


if __name__ == "__main__":
    main()

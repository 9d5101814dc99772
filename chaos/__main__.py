"""``python -m chaos``: run the service through faults once. The exit code is 0 only if every invariant held."""

import argparse
import random
import sys

from chaos.checks import violations
from chaos.program import run
from chaos.report import report

SECONDS = 60.0
SHORT_S = 10.0


def main() -> int:
    """Run as the command line says. Return the exit status: 1 if an invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="decides every fault and request (default: a new seed)")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="for how long faults happen (default: %(default)s)"
    )
    parser.add_argument("--short", action="store_true", help=f"the same as --seconds {SHORT_S}")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed        {seed}", flush=True)
    completed = run(seed, SHORT_S if options.short else options.seconds)
    broken = violations(completed.history)
    for line in report(completed.history, broken):
        print(line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

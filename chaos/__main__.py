"""``python -m chaos``: one run; exit code 0 only if every invariant held."""

import argparse
import random
import sys

from chaos.checks import violations
from chaos.program import run
from chaos.report import report

SECONDS = 60.0
SHORT_S = 10.0


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="what all of it follows from (default: a new one)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long faults happen (default: %(default)s)")
    parser.add_argument("--short", action="store_true", help=f"the same as --seconds {SHORT_S}")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed        {seed}", flush=True)
    made = run(seed, SHORT_S if options.short else options.seconds)
    found = violations(made.history)
    for line in report(made.history, found):
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

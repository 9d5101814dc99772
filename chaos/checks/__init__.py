"""The invariants of every history, each written in a slow and obvious way, without any code of the service."""

from chaos.checks.ages import ages
from chaos.checks.answered import answered, recovered
from chaos.checks.budget import budget
from chaos.checks.leases import leases
from chaos.checks.needless import needless
from chaos.checks.stamps import stamps
from chaos.history import History, Violation


def violations(history: History) -> list[Violation]:
    """Return all violations of all invariants."""
    checks = (ages, leases, needless, stamps, budget, answered, recovered)
    return [violation for check in checks for violation in check(history)]

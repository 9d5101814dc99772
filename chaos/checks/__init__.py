"""What must hold in every history, each rule written slowly and obviously, without any code of the service."""

from chaos.checks.ages import ages
from chaos.checks.answered import answered, recovered
from chaos.checks.budget import budget
from chaos.checks.leases import leases
from chaos.checks.needless import needless
from chaos.checks.stamps import stamps
from chaos.history import History, Violation


def violations(history: History) -> list[Violation]:
    """Everything that did not hold."""
    checks = (ages, leases, needless, stamps, budget, answered, recovered)
    return [found for check in checks for found in check(history)]

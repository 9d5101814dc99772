"""Reads secrets from AWS Secrets Manager. It is the one module of the ground floor that sends anything, when it is called."""

from functools import cache
from typing import TYPE_CHECKING, Final

from dekr.errors import Unavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

PHASE_S: Final = 0.5
"""The time for the connection, and again for the answer: 1 s in all. botocore's own are 60 s each, five times over."""


def read_secret(arn: str) -> str:
    """Return a secret's present text, asking once and for 1 s at most.

    Raises Unavailable, whose ``fault`` names the kind of error, where it cannot be read.
    """
    from aws_lambda_powertools.utilities.parameters import GetParameterError  # noqa: PLC0415 - it loads boto3

    try:
        return str(_provider().get(arn, force_fetch=True))
    except GetParameterError as error:
        fault = f"Secrets Manager: {type(error.__context__ or error).__name__}"
        raise Unavailable("A secret of this service cannot be read.", retry_after_s=5.0, fault=fault) from error


@cache
def _provider() -> "SecretsProvider":
    from aws_lambda_powertools.utilities.parameters import SecretsProvider  # noqa: PLC0415 - it loads boto3
    from botocore.config import Config  # noqa: PLC0415 - see above

    limits = Config(connect_timeout=PHASE_S, read_timeout=PHASE_S, retries={"total_max_attempts": 1})
    return SecretsProvider(boto_config=limits)

"""Sign-in to ElastiCache with an IAM token: a new one for every connection, valid for 15 minutes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from redis.credentials import CredentialProvider

from dekr.sigv4 import Credentials, elasticache_token


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, eq=False)
class IamCredentials(CredentialProvider):
    """User name and token for redis-py.

    ``user``, ``cache``: the cache's user and the name of the serverless cache. ``environment``: the variables with the function's
    AWS credentials and region, which Lambda sets.
    """

    user: str
    cache: str
    environment: Mapping[str, str]
    now: Callable[[], datetime] = _now

    def get_credentials(self) -> tuple[str, str]:
        """The user's name and a fresh token."""
        credentials = Credentials.read(self.environment)
        region = self.environment["AWS_REGION"]
        # The service keeps cache names in lower case, whatever the stack is called, and expects them signed in lower case.
        return self.user, elasticache_token(credentials, region, self.cache.lower(), self.user, self.now())

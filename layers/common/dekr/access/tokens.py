"""Verifies Dekr's own tokens: signed JWTs (RFC 7519) of one issuer, in ``Authorization: Bearer``.

A verified token is remembered by its digest, so that the next request with it needs neither a check of its signature nor the
import of the library, until the token expires or the issuer's keys are due to be read again.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from dekr.access.claims import claims_of, invalid_token, kid_of
from dekr.access.issuer_keys import IssuerKeys
from dekr.access.principal import Principal

MAX_LENGTH: Final = 8_192
MAX_REMEMBERED: Final = 10_000
REQUIRED: Final = ("exp", "aud", "iss", "sub", "tier")

_FORM: Final = re.compile(r"(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+")


@dataclass(slots=True, eq=False)
class Tokens:
    """Verifies tokens of one issuer for one audience. ``now_us`` is this machine's clock."""

    issuer: str
    audience: str
    keys: IssuerKeys
    now_us: Callable[[], int]
    _remembered: OrderedDict[bytes, tuple[Principal, int]] = field(default_factory=OrderedDict, init=False)

    def verify(self, text: str) -> Principal:
        """Find the principal of a token. Raises Unauthenticated; Unavailable while the issuer's keys cannot be read."""
        if len(text) > MAX_LENGTH:
            raise invalid_token(f"A token is no longer than {MAX_LENGTH} characters.")
        if _FORM.fullmatch(text) is None:
            raise invalid_token("This is not a signed token.")
        digest = sha256(text.encode()).digest()
        principal, until_us = self._remembered.get(digest, (None, 0))
        if principal is not None and self.now_us() < until_us:
            self._remembered.move_to_end(digest)
            return principal
        return self._verify(text, digest)

    def _verify(self, text: str, digest: bytes) -> Principal:
        self._remembered.pop(digest, None)
        claims = claims_of(self._payload(text), self.now_us())
        principal = claims.principal(self.issuer)
        self._remembered[digest] = principal, min(claims.expires_us, self.keys.fresh_until_us)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return principal

    def _payload(self, text: str) -> dict[str, Any]:
        """Read the claims of a token whose signature, audience and issuer are right. Raises Unauthenticated, Unavailable."""
        import jwt  # noqa: PLC0415 - loads the cryptography library, which an API key never needs

        algorithm = self.keys.algorithm
        try:
            key = self.keys.find(kid_of(jwt.get_unverified_header(text), algorithm))
            if key is None:
                raise invalid_token("The token is signed with a key that its issuer does not publish.")
            payload: dict[str, Any] = jwt.decode(
                text,
                jwt.PyJWK(key.model_dump(), algorithm),
                algorithms=[algorithm],
                audience=self.audience,
                issuer=self.issuer,
                options={
                    "require": list(REQUIRED),
                    "enforce_minimum_key_length": True,
                    # claims_of compares the times with the service's own clock.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        # Causes are left out (``from None``), because their texts and locals hold the caller's token.
        except jwt.MissingRequiredClaimError as error:
            raise invalid_token(f"The token has no claim {error.claim}.") from None
        except jwt.InvalidAudienceError:
            raise invalid_token("The token is meant for another audience.") from None
        except jwt.InvalidIssuerError:
            raise invalid_token("The token is from another issuer.") from None
        except (jwt.PyJWTError, RecursionError):  # the parser gives up on JSON that is nested too deeply
            raise invalid_token("The token is broken, or its signature is wrong.") from None
        return payload

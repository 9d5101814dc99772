"""Checks the header (RFC 7515) and the claims (RFC 7519) of a token; its signature is checked in ``dekr.access.tokens``.

Times are NumericDate, seconds since the epoch, and are compared with the service's own clock.
"""

from hashlib import sha256
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dekr.access.jwks import Algorithm, Kid
from dekr.access.principal import TOKEN_USERS, Principal, Role
from dekr.errors import Unauthenticated
from dekr.tiers import Tier

LEEWAY_S: Final = 30
"""The issuer's clock may be so far ahead of ours (``nbf`` and ``iat``). ``exp`` has no leeway."""

TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""The values of ``typ`` that are accepted, in small letters."""

Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
"""A NumericDate. Milliseconds since the epoch do not fit: taken for seconds they would never expire."""


def invalid_token(detail: str) -> Unauthenticated:
    """Make the error that refuses a token."""
    return Unauthenticated(detail, code="invalid_token")


class _Header(BaseModel):
    model_config = ConfigDict(strict=True)

    alg: str
    kid: Kid
    typ: str | None = None


class Claims(BaseModel):
    """The claims that this service reads, besides ``aud`` and ``iss``, which are checked along with the signature.

    ``sub``: 1 to 128 visible ASCII characters. ``tier``: 1 to 7. ``role``: tokens are for users only.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    sub: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
    tier: Annotated[int, Field(ge=1, le=7)]
    exp: Seconds
    nbf: Seconds | None = None
    iat: Seconds | None = None
    role: Literal["user"] = "user"

    @property
    def expires_us(self) -> int:
        """The moment from which the token is refused, in microseconds since the epoch."""
        return int(self.exp * 1_000_000)

    def principal(self, issuer: str) -> Principal:
        """Make the token's principal. Each pair of issuer and ``sub`` is a user of its own, and none is the user of an API key."""
        name = f"{TOKEN_USERS}{sha256(issuer.encode()).hexdigest()[:32]}:{self.sub}"
        return Principal(name, Tier(self.tier), Role.USER, key_id="", ends_us=self.expires_us)


def kid_of(header: dict[str, Any], algorithm: Algorithm) -> str:
    """Read the name of the key that signed a token. Raises Unauthenticated for a header that does not follow the rules.

    The fields in which a header may name the place of its key (``jwk``, ``jku``, ``x5c``, ``x5u``) are not read.
    """
    if "crit" in header or "b64" in header:
        raise invalid_token("The token's header has an extension that this service does not know.")
    try:
        read = _Header.model_validate(header)
    except ValidationError as error:
        # The cause is left out, because its text quotes the caller's token.
        raise invalid_token(f"The token's header has no good {error.errors()[0]['loc'][0]}.") from None
    if read.alg != algorithm:
        raise invalid_token(f"The token must be signed with {algorithm}.")
    if read.typ is not None and read.typ.lower() not in TYPES:
        raise invalid_token("The token's header has no good typ.")
    return read.kid


def claims_of(payload: dict[str, Any], now_us: int) -> Claims:
    """Read and check the claims of a token whose signature is right. Raises Unauthenticated."""
    try:
        claims = Claims.model_validate(payload)
    except ValidationError as error:
        # The cause is left out, because its text quotes the caller's token.
        raise invalid_token(f"The token has no good claim {error.errors()[0]['loc'][0]}.") from None
    if now_us >= claims.expires_us:
        raise invalid_token("The token has expired.")
    latest_s = now_us / 1e6 + LEEWAY_S
    if max(claims.nbf or 0, claims.iat or 0) > latest_s:
        raise invalid_token("The token is not valid yet.")
    return claims

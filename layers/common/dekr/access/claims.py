"""What a token must say, apart from its signature: header (RFC 7515) and claims (RFC 7519).

Times are NumericDate, seconds since the epoch, and are held against the service's own clock.
"""

from hashlib import sha256
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dekr.access.jwks import Algorithm, Kid
from dekr.access.principal import TOKEN_USERS, Principal, Role
from dekr.errors import Unauthenticated
from dekr.tiers import Tier

LEEWAY_S: Final = 30
"""How far the issuer's clock may be ahead of ours (``nbf`` and ``iat``). ``exp`` has no leeway."""

TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})

Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
"""A NumericDate. Milliseconds since the epoch do not fit: taken for seconds they would never expire."""


def invalid_token(detail: str) -> Unauthenticated:
    """The refusal of a token."""
    return Unauthenticated(detail, code="invalid_token")


class _Header(BaseModel):
    model_config = ConfigDict(strict=True)

    alg: str
    kid: Kid
    typ: str | None = None


class Claims(BaseModel):
    """The claims that are read; ``aud`` and ``iss`` are checked along with the signature. ``sub``: 1 to 128 visible ASCII
    characters; ``tier``: 1 to 7; ``role``: only users come with tokens.
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
        """The moment from which the token is refused."""
        return int(self.exp * 1_000_000)

    def principal(self, issuer: str) -> Principal:
        """The caller. No two pairs of issuer and ``sub`` make the same user, and no key's user is like one of them."""
        name = f"{TOKEN_USERS}{sha256(issuer.encode()).hexdigest()[:32]}:{self.sub}"
        return Principal(name, Tier(self.tier), Role.USER, key_id="")


def kid_of(header: dict[str, Any], algorithm: Algorithm) -> str:
    """The name of the key that signed. Raises Unauthenticated for a header that is not as agreed.

    Whatever a header says of where its key may be found (``jwk``, ``jku``, ``x5c``, ``x5u``) is not read.
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
    """The claims of a token whose signature is good. Raises Unauthenticated."""
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

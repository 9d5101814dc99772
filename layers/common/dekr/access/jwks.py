"""Reads an issuer's published keys (JWKS, RFC 7517): those that can check a signature of the algorithm in use, and of these
the public members only. A secret ("oct") is never among them.
"""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dekr.errors import UpstreamInvalid

type Algorithm = Literal["RS256", "ES256", "EdDSA"]
"""The algorithm with which tokens are signed: one of these, by configuration. All have a public key; with HS256 everybody who
reads the issuer's keys could sign.
"""

Kid = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:/+=@-]{1,200}$")]
"""The name of a key."""


def _number(least: int, most: int) -> Any:  # noqa: ANN401 - what Field returns
    """The field of a number in base64url with ``least`` to ``most`` characters."""
    return Field(pattern=rf"^[A-Za-z0-9_-]{{{least},{most}}}$")


class RsaKey(BaseModel):
    """An RSA key of 2048 to 8192 bits (RFC 7518, section 6.3.1)."""

    model_config = ConfigDict(frozen=True)

    kty: Literal["RSA"]
    n: Annotated[str, _number(342, 1366)]
    e: Annotated[str, _number(2, 8)]


class EcKey(BaseModel):
    """A point on the curve of ES256 (RFC 7518, section 6.2.1)."""

    model_config = ConfigDict(frozen=True)

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Annotated[str, _number(43, 43)]
    y: Annotated[str, _number(43, 43)]


class EdKey(BaseModel):
    """An Ed25519 key (RFC 8037, section 2)."""

    model_config = ConfigDict(frozen=True)

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: Annotated[str, _number(43, 43)]


type PublicKey = Annotated[RsaKey | EcKey | EdKey, Field(discriminator="kty")]

_FORMS: Final[dict[Algorithm, type[RsaKey | EcKey | EdKey]]] = {"RS256": RsaKey, "ES256": EcKey, "EdDSA": EdKey}


class _Purpose(BaseModel):
    """The name and the purpose of a published key (RFC 7517, section 4)."""

    kid: Kid
    alg: str | None = None
    use: Literal["sig"] | None = None
    key_ops: list[str] | None = None


def usable_keys(document: bytes, algorithm: Algorithm) -> dict[str, PublicKey]:
    """Read the keys of a JWKS document that this algorithm can use, by kid; of two with the same kid, the first.

    Keys of another type, another ``alg`` or another ``use`` are left out. Raises UpstreamInvalid where none is left.
    """
    found: dict[str, PublicKey] = {}
    for listed in _listed(document):
        try:
            purpose = _Purpose.model_validate(listed)
            key = _FORMS[algorithm].model_validate(listed)
        except ValidationError:
            continue
        if purpose.alg in (None, algorithm) and (purpose.key_ops is None or "verify" in purpose.key_ops):
            found.setdefault(purpose.kid, key)
    if not found:
        raise UpstreamInvalid("The issuer of tokens publishes no key that can be used.", fault="jwks: no usable key")
    return found


def _listed(document: bytes) -> list[Any]:
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        parsed = None
    keys = parsed.get("keys") if isinstance(parsed, dict) else None
    return keys if isinstance(keys, list) else []

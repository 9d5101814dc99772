"""The settings that the template hands to the functions, read from the environment once and validated."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

JWKS_URL: Final = r"^(https://[^/@\s]+/\S*|http://(127\.0\.0\.1|localhost)(:\d+)?/\S*)$"
"""The URLs that are allowed: over plain HTTP anybody could replace the keys, so it is for this machine only."""


class Settings(BaseModel):
    """One sandbox's settings; each field's alias is the environment variable it comes from.

    ``per_minute``: calls a minute that the upstream plan allows. ``stale_s``: for how many seconds longer than a tier allows
    data may be served, with a warning, while it cannot be fetched anew. ``cursor_secret``: random text that cursors are signed
    with, the same for all sandboxes. ``public_url``: the scheme and host that ``next_url`` names, where they are not those by
    which API Gateway is called. ``jwt_issuer``, ``jwt_audience`` and ``jwks_url`` go
    together; without them the service accepts API keys only. ``stream_endpoint``: the URL, with the stage, under which
    ``/@connections`` are; ``stream_url``: the URL that clients of the stream connect to; ``stream_connect`` and
    ``stream_relay``: the names (or ARNs) of the functions' aliases; ``stream_table``: the table of the relay's lease;
    ``polygon_stream_url``: the upstream's stream, with its path. ``clock_offset_us``: by how many microseconds the service's
    clock is ahead of the machine's; the local cloud alone sets it.
    """

    # An error names the field alone and never its value: the environment holds secrets.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    redis_url: Annotated[str, Field(alias="REDIS_URL", pattern=r"^rediss?://")] = ""
    redis_secret_arn: Annotated[str, Field(alias="REDIS_SECRET_ARN")] = ""
    redis_mode: Annotated[Literal["single", "cluster"], Field(alias="REDIS_MODE")] = "single"
    redis_auth: Annotated[Literal["none", "iam"], Field(alias="REDIS_AUTH")] = "none"
    redis_iam_user: Annotated[str, Field(alias="REDIS_IAM_USER")] = ""
    redis_iam_cache: Annotated[str, Field(alias="REDIS_IAM_CACHE")] = ""
    key_prefix: Annotated[str, Field(alias="KEY_PREFIX")] = "dekr:"
    keys_table: Annotated[str, Field(alias="KEYS_TABLE")]
    polygon_base_url: Annotated[str, Field(alias="POLYGON_BASE_URL", pattern=r"^https?://[^/]+/?$")] = (
        "https://api.massive.com"
    )
    polygon_secret_arn: Annotated[str, Field(alias="POLYGON_SECRET_ARN")]
    cursor_secret: Annotated[str, Field(alias="CURSOR_SECRET", min_length=32, repr=False)]
    per_minute: Annotated[int, Field(alias="POLYGON_PER_MINUTE", ge=1)] = 5
    stale_s: Annotated[int, Field(alias="STALE_IF_ERROR_S", ge=0)] = 3600
    public_url: Annotated[str, Field(alias="PUBLIC_URL", pattern=r"^(https?://[A-Za-z0-9.-]+(:\d+)?)?$")] = ""
    jwt_issuer: Annotated[str, Field(alias="JWT_ISSUER")] = ""
    jwt_audience: Annotated[str, Field(alias="JWT_AUDIENCE")] = ""
    jwks_url: Annotated[str, Field(alias="JWKS_URL", pattern=JWKS_URL)] = ""
    jwt_algorithm: Annotated[Literal["RS256", "ES256", "EdDSA"], Field(alias="JWT_ALGORITHM")] = "RS256"

    stream_endpoint: Annotated[str, Field(alias="STREAM_ENDPOINT", pattern=r"^(https?://\S+)?$")] = ""
    stream_url: Annotated[str, Field(alias="STREAM_URL", pattern=r"^(wss?://\S+)?$")] = ""
    stream_connect: Annotated[str, Field(alias="STREAM_CONNECT")] = ""
    stream_relay: Annotated[str, Field(alias="STREAM_RELAY")] = ""
    stream_table: Annotated[str, Field(alias="STREAM_TABLE")] = ""
    polygon_stream_url: Annotated[str, Field(alias="POLYGON_STREAM_URL", pattern=r"^wss?://\S+$")] = (
        "wss://socket.massive.com/stocks"
    )

    clock_offset_us: Annotated[int, Field(alias="CLOCK_OFFSET_US")] = 0

    @model_validator(mode="after")
    def _one_store(self) -> "Settings":
        if bool(self.redis_url) == bool(self.redis_secret_arn):
            raise ValueError("either REDIS_URL or REDIS_SECRET_ARN must be set")
        return self

    @model_validator(mode="after")
    def _iam_is_for_serverless(self) -> "Settings":
        if self.redis_auth == "iam" and self.redis_mode == "cluster":
            raise ValueError(
                "REDIS_AUTH=iam signs in to a serverless cache; a node-based cluster takes a password in its URL"
            )
        return self

    @model_validator(mode="after")
    def _an_issuer_is_whole(self) -> "Settings":
        if len({bool(self.jwt_issuer), bool(self.jwt_audience), bool(self.jwks_url)}) > 1:
            raise ValueError("JWT_ISSUER, JWT_AUDIENCE and JWKS_URL must be set together, or none of them")
        return self

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings from these variables; an empty one counts as not set. Raises pydantic.ValidationError."""
        return cls.model_validate({name: value for name, value in environment.items() if value})

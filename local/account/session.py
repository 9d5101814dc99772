"""Sessions with AWS by a profile and a region, where they are named."""

from collections.abc import Mapping

import boto3


def open_session(profile: str, region: str) -> boto3.Session:
    """Open a session with this profile and region; an empty one is that of the environment. Raises botocore's errors."""
    return boto3.Session(profile_name=profile or None, region_name=region or None)


def session_environment(environment: Mapping[str, str], profile: str, region: str) -> dict[str, str]:
    """The environment variables that make SAM use the same profile and region."""
    named = {"AWS_PROFILE": profile, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return {**environment, **{name: value for name, value in named.items() if value}, "SAM_CLI_TELEMETRY": "0"}

"""The environments of samconfig.toml, each checked before anything is sent to AWS."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from local.stack.folder import ROOT

CONFIG: Final = ROOT / "samconfig.toml"
ENVIRONMENTS: Final = ("dev", "staging", "prod")

MAX_STACK_NAME: Final = 27
"""ElastiCache takes names of 40 characters; the longest that the template makes has 13 more than the stack's: -vpc-<CacheId>."""

STACK_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""ElastiCache keeps names in lower case and takes no two hyphens in a row, nor one at the end."""


class AccountError(Exception):
    """The command cannot be carried out. The message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Section:
    """One environment: its name, the name of its stack, and the template's parameters that it sets."""

    environment: str
    stack: str
    parameters: Mapping[str, str]


def section(environment: str, config: Path = CONFIG) -> Section:
    """Read an environment's section. Raises AccountError for one that there is not, or that AWS would refuse half-way through."""
    if environment not in ENVIRONMENTS:
        raise AccountError(f"ENV must be one of {', '.join(ENVIRONMENTS)}, not {environment!r}.")
    sections = tomllib.loads(config.read_text())
    options = sections.get(environment, {}).get("deploy", {}).get("parameters", {})
    stack = options.get("stack_name", "")
    if not STACK_NAME.fullmatch(stack) or len(stack) > MAX_STACK_NAME:
        raise AccountError(
            f"stack_name of {environment} in {config.name} must be small letters, digits and single hyphens, begin with a "
            f"letter and have at most {MAX_STACK_NAME} characters, not {stack!r}."
        )
    pairs = [pair.partition("=") for pair in shlex.split(options.get("parameter_overrides", ""))]
    parameters = {name: value for name, _, value in pairs}
    # The subnets of a cache cannot be changed, so other subnets need a cache of another name.
    subnets = ",".join(sorted(parameters.get("SubnetIds", "").split(",")))
    return Section(environment, stack, {"CacheId": sha256(subnets.encode()).hexdigest()[:8], **parameters})

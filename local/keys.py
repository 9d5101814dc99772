"""Manage the API keys of a stack: make one, revoke one, list a user's.

    make key TIER=5 USER=demo [ROLE=user|service|admin] [STACK=NAME]
    make revoke ID=... [STACK=NAME]
    make keys USER=demo [STACK=NAME]

Without ``STACK`` the commands act on the local cloud that is running, otherwise on a deployed stack, with the AWS
account and region of the environment, or those that ``PROFILE`` and ``REGION`` name. A new key is the only thing printed
to standard output; it is shown once and stored nowhere.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from dekr.access.directory import ACTIVE, DynamoKeyDirectory, KeyRecord
from dekr.access.keys import NewKey, new_key
from dekr.access.principal import USER_RULE, Role, is_user
from dekr.errors import DekrError
from dekr.tiers import Tier
from local.account.session import open_session
from local.stack.cloud import Cloud
from local.stack.folder import Folder, read_json

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

LOCAL: Final = "local"


class NoStackError(Exception):
    """There is no stack with that name, or it has no table of keys."""


@dataclass(frozen=True, slots=True)
class Target:
    """The API keys of a stack: the table that stores them, and the name of the environment that is part of each key's
    text.
    """

    directory: DynamoKeyDirectory
    env: str


def main(arguments: Sequence[str], target: Callable[[str, str, str], Target], now: datetime) -> int:
    """Run one command on the stack that ``target`` finds by its name, in a region and with a profile (empty: those of the
    environment). Return the exit status.
    """
    options = _parser().parse_args(arguments)
    try:
        return _run(options, target(options.stack, options.region, options.profile), now)
    except (NoStackError, DekrError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def issue(target: Target, user: str, tier: Tier, role: Role, now: datetime) -> NewKey:
    """Make a key and store its record. The returned object is the only place that has the key's text."""
    key = new_key(target.env, secrets.token_bytes)
    created = now.astimezone(UTC).isoformat(timespec="seconds")
    target.directory.put(
        KeyRecord(id=key.id, hash=key.digest, user=user, tier=tier, role=role, status=ACTIVE, created=created)
    )
    return key


def local_target(environment: Mapping[str, str]) -> Target:
    """Return the keys of the local cloud that is running. Raises NoStackError if none is."""
    stack = read_json(Folder.of(environment).state)
    if stack is None:
        raise NoStackError("no local stack is up; start one with `make up`, or name a deployed one with STACK=")
    return Target(DynamoKeyDirectory(Cloud(stack["aws"]).client("dynamodb"), stack["outputs"]["KeysTable"]), LOCAL)


def deployed_target(name: str, cloudformation: "CloudFormationClient", dynamodb: Any) -> Target:
    """Return the keys of a deployed stack.

    Raises NoStackError if the stack was not made from this project's template, and botocore's errors if AWS refuses.
    """
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    parameters = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])}
    if "KeysTable" not in outputs or "Environment" not in parameters:
        raise NoStackError(f"the stack {name} was not made from this template: it has no table of keys")
    return Target(DynamoKeyDirectory(dynamodb, outputs["KeysTable"]), parameters["Environment"])


def _target(name: str, region: str, profile: str) -> Target:
    if name == LOCAL:
        return local_target(os.environ)
    session = open_session(profile, region)
    return deployed_target(name, session.client("cloudformation"), session.client("dynamodb"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.keys", description="API keys of a stack.")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key")
    create.add_argument("--tier", type=_tier, required=True, help="1 to 7")
    create.add_argument("--user", type=_user, required=True)
    create.add_argument("--role", choices=[role.value for role in Role], default=Role.USER.value)
    revoke = commands.add_parser("revoke", help="revoke a key; it is refused everywhere within 60 s")
    revoke.add_argument("--id", required=True, help="the third part of the key's text: dk_<env>_<id>_...")
    listing = commands.add_parser("list", help="list a user's keys")
    listing.add_argument("--user", type=_user, required=True)
    for command in (create, revoke, listing):
        command.add_argument("--stack", default=LOCAL, help="a deployed stack (default: the local cloud)")
        command.add_argument("--region", default="", help="its region (default: that of the environment)")
        command.add_argument("--profile", default="", help="the profile of the AWS configuration")
    return parser


def _tier(text: str) -> Tier:
    if text not in {str(tier.value) for tier in Tier}:
        raise argparse.ArgumentTypeError(f"must be a tier from {min(Tier).value} to {max(Tier).value}, not {text!r}")
    return Tier(int(text))


def _user(text: str) -> str:
    if not is_user(text):
        raise argparse.ArgumentTypeError(USER_RULE)
    return text


def _run(options: argparse.Namespace, target: Target, now: datetime) -> int:
    match options.command:
        case "create":
            key = issue(target, options.user, options.tier, Role(options.role), now)
            summary = f"id {key.id}: {options.role} {options.user}, tier {options.tier.value} ({options.tier.name})"
            print(key.text)
            print(summary, file=sys.stderr)
        case "revoke":
            return _revoke(target.directory, options.id)
        case "list":
            records = sorted(target.directory.of_user(options.user), key=lambda record: record.created)
            if not records:
                print(f"{options.user} has no keys", file=sys.stderr)
            for record in records:
                print(f"{record.id}  tier {record.tier.value}  {record.role:7}  {record.status:7}  {record.created}")
    return 0


def _revoke(directory: DynamoKeyDirectory, key_id: str) -> int:
    try:
        directory.revoke(key_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        print(f"error: there is no key with the id {key_id}", file=sys.stderr)
        return 1
    print(f"{key_id} is revoked; it is refused everywhere within 60 s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _target, datetime.now(UTC)))

"""``python -m local.account deploy|smoke|polygon-key|destroy --env ENV``: the service in an AWS account."""

import argparse
import os
import sys
from getpass import getpass

from botocore.exceptions import BotoCoreError, ClientError

from local.account.commands import Account
from local.account.sections import AccountError, section
from local.account.session import open_session, session_environment


def main() -> int:
    """Run one command. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.account", description="The service in an AWS account.")
    parser.add_argument("command", choices=["check", "deploy", "smoke", "polygon-key", "destroy"])
    parser.add_argument("--env", required=True, help="dev, staging or prod: a section of samconfig.toml")
    parser.add_argument("--region", default="", help="the region (default: that of the profile or the environment)")
    parser.add_argument("--profile", default="", help="the profile of the AWS configuration")
    options = parser.parse_args()
    try:
        chosen = section(options.env)
        if options.command == "check":
            return 0
        session = open_session(options.profile, options.region)
        account = Account(session, session_environment(os.environ, options.profile, options.region))
        match options.command:
            case "deploy":
                account.deploy(chosen)
            case "smoke":
                account.test(chosen)
            case "polygon-key":
                account.set_polygon_key(chosen, _polygon_key())
            case "destroy":
                account.destroy(chosen)
    except (AccountError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _polygon_key() -> str:
    """Read the key from a terminal without showing it, or from what is piped in, so that it is in no list of processes."""
    return getpass("Polygon key: ") if sys.stdin.isatty() else sys.stdin.read()


if __name__ == "__main__":
    sys.exit(main())

"""The emulated AWS: MiniStack on a free port of 127.0.0.1, with functions as processes and nothing kept on disk."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import httpx
from botocore.config import Config

from local.ports import free_port
from local.stack.folder import TOOLS
from local.stack.launcher import Launcher
from local.stack.runtime import make_runtime

REGION: Final = "us-east-1"
FAKE_CREDENTIAL: Final = "test"
NAME: Final = "ministack"
EMULATOR: Final = Path(__file__).with_name("emulator.py")


@dataclass(frozen=True, slots=True)
class Cloud:
    """An emulated AWS that listens at ``endpoint``, such as ``http://127.0.0.1:4566``."""

    endpoint: str

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service of this AWS. It never retries."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=FAKE_CREDENTIAL,
            aws_secret_access_key=FAKE_CREDENTIAL,
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make command-line tools use this AWS and never a real account."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": FAKE_CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": FAKE_CREDENTIAL,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
        }


def start_cloud(launcher: Launcher, clock_offset_us: int = 0) -> Cloud:
    """Start the emulator. It may not be ready when this returns (see wait_cloud).

    ``clock_offset_us``: by how many microseconds the functions' clock is ahead of the machine's.
    """
    tool = TOOLS / "ministack"
    (packages,) = tool.glob("lib/python3*/site-packages")
    python = make_runtime(launcher.folder.scratch / "runtime", packages)
    temporary = launcher.folder.scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    port = free_port()
    # The functions inherit this environment: nothing of the caller's may be in it.
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "AWS_ACCESS_KEY_ID": FAKE_CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": FAKE_CREDENTIAL,
        "CLOCK_OFFSET_US": str(clock_offset_us),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        # Services that would open ports of their own, and the containers of a Docker that may be there.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",
    }
    # -P: this script's directory must not hide MiniStack's modules.
    command: list[str | Path] = [tool / "bin/python", "-P", EMULATOR, python]
    launcher.start(NAME, command, environment)
    return Cloud(f"http://127.0.0.1:{port}")


def wait_cloud(launcher: Launcher, cloud: Cloud) -> None:
    """Wait until the emulator answers. Raises StackError if it ends or takes too long."""

    def ready() -> bool:
        try:
            return httpx.get(f"{cloud.endpoint}/_ministack/ready", trust_env=False).is_success
        except httpx.TransportError:
            return False

    launcher.wait(NAME, ready)

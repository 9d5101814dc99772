"""Real stores for the tests: a single Valkey, a cluster of three, an installed server behind TLS. Each on free ports, no disk."""

import datetime as dt
import ipaddress
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis.exceptions import RedisError

from local.ports import free_port
from local.stack.store_server import installed_server, server_command, server_program
from local.stack.stores import NO_SERVER
from tests.patience import patient_url

SLOTS = 16384
TRIES = 2_400
"""For two minutes: a busy machine takes long to start it."""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A server that runs: its URL, its port and its process."""

    url: str
    port: int
    process: subprocess.Popen[bytes]

    def client(self) -> redis.Redis:
        """A plain client of it, for looking at what the code under test did."""
        return redis.Redis.from_url(patient_url(self.url), decode_responses=True)


@contextmanager
def redis_single(*options: str, port: int | None = None, program: Path | None = None) -> Iterator[RedisServer]:
    """One server: the program, or the one that a local stack would start."""
    program = program or server_program(None)
    assert program, NO_SERVER
    port = port or free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [*server_command(program, port, Path(folder)), *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
        try:
            server = RedisServer(f"redis://127.0.0.1:{port}/0", port, process)
            _wait(server.client(), process)
            yield server
        finally:
            process.kill()
            process.wait()


@contextmanager
def redis_cluster() -> Iterator[str]:
    """A cluster of three masters; yields the URL of one of them."""
    with ExitStack() as stack:
        nodes = []
        for _ in range(3):
            port = free_port()
            while port > 55_535:
                port = free_port()
            nodes.append(stack.enter_context(redis_single("--cluster-enabled", "yes", port=port)))
        clients = [stack.enter_context(closing(node.client())) for node in nodes]
        bounds = [SLOTS * i // len(nodes) for i in range(len(nodes) + 1)]
        for client, first, end in zip(clients, bounds, bounds[1:], strict=False):
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
        for node in nodes[1:]:
            clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port)
        for client in clients:
            _until(partial(_is_whole, client, len(nodes)))
        yield patient_url(nodes[0].url)


@contextmanager
def redis_tls() -> Iterator[tuple[str, Path]]:
    """One installed server behind TLS, which the packaged one does not speak; yields its URL and the certificate to trust."""
    program = installed_server()
    assert program, "`make system` installs a server that speaks TLS"
    with tempfile.TemporaryDirectory() as folder:
        files = certificate(Path(folder))
        port = free_port()
        options = ["--tls-port", str(port), "--tls-cert-file", str(files[0]), "--tls-key-file", str(files[1])]
        with redis_single(*options, "--tls-auth-clients", "no", program=program):
            yield f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={files[0]}", files[0]


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1 that vouches for itself, and its key, and return the paths of both files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def _is_whole(client: redis.Redis, nodes: int) -> bool:
    info, slots = client.execute_command("CLUSTER INFO"), client.execute_command("CLUSTER SLOTS")
    return bool(info["cluster_state"] == "ok" and len(slots) == nodes)


def _wait(client: redis.Redis, process: "subprocess.Popen[bytes]") -> None:
    def answers() -> bool:
        assert process.poll() is None, "the server ended while starting"
        try:
            return bool(client.ping())
        except RedisError:
            return False

    with closing(client):
        _until(answers)


def _until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; the pause only spares the processor."""
    pause = threading.Event()
    for _ in range(TRIES):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("the server did not become ready")

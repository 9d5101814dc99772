"""No client of the tests, the benchmarks and the chaos program has a time limit that a slow or busy machine can reach."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import HANG_S

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("tests", "bench", "chaos") for path in (ROOT / folder).rglob("*.py"))
PAUSE_S = 0.1
"""Whoever waits no longer than this looks again afterwards."""

CLIENTS = {"Client", "AsyncClient", "get", "post", "put", "delete", "request", "stream"}
WAITS = {"wait", "wait_for", "join", "communicate", "acquire", "result"}
LINK = "a link that takes a busy store for a dead one"
DEAD = "redis://127.0.0.1:1"
OWN_LIMITS = {"chaos/worker.py", "tests/integration/test_store_link.py", "tests/still_link.py"}
"""Here the limits of the link are what is tested, or the link is made patient a line later."""


def hurries(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The lines with such a limit, and what is wrong with each."""
    patient = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("patient", "DrivenStore")
        for argument in call.args
    }
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        module, _, name = ast.unparse(call.func).rpartition(".")
        named = {keyword.arg or "": keyword.value for keyword in call.keywords}
        if module == "httpx" and name in CLIENTS and not named.keys() & {"timeout", "transport"}:
            yield call.lineno, "five seconds, which is httpx's own limit"
        limits = [value for keyword, value in named.items() if "timeout" in keyword]
        limits += call.args if name in WAITS else []
        for limit in limits:
            seconds = limit.value if isinstance(limit, ast.Constant) else None
            if isinstance(seconds, int | float) and PAUSE_S < seconds < HANG_S:
                yield call.lineno, f"{seconds} s"
        if (module, name, len(call.args)) == ("Deadline", "after", 1):
            yield call.lineno, "a deadline on the machine's clock"
        if name == "Transport" and len(call.args) + len(named) < 3:
            yield call.lineno, "a transport on the machine's clock, which cuts off the body of a busy upstream"
        dead = any(ast.unparse(url).strip("'").startswith(DEAD) for url in call.args)
        if (module, name) == ("Link", "open") and id(call) not in patient and not dead:
            yield call.lineno, LINK


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_no_limit_decides_a_result(path: Path) -> None:
    found = list(hurries(ast.parse(path.read_text())))
    own = str(path.relative_to(ROOT)) in OWN_LIMITS
    assert [what for what in found if not own or what[1] != LINK] == []


@pytest.mark.parametrize(
    "code",
    [
        "httpx.get(url)",
        "httpx.AsyncClient(base_url=url)",
        "httpx.get(url, timeout=30)",
        "process.communicate(timeout=60)",
        "ready.wait(30)",
        "asyncio.wait_for(task, 20)",
        "redis.Redis(port=port, socket_timeout=2)",
        "Deadline.after(10)",
        "World(Link.open(server.url))",
        "Transport(http, key)",
    ],
)
def test_each_kind_of_limit_is_found(code: str) -> None:
    assert list(hurries(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "httpx.get(url, timeout=HANG_S)",
        "httpx.Client(transport=httpx.MockTransport(answer))",
        "pause.wait(0.05)",
        "Deadline.after(10, clock)",
        "patient(Link.open(server.url))",
        "Transport(http, key, clock)",
        "Link.open('redis://127.0.0.1:1/0')",
    ],
)
def test_what_only_ends_a_hang_is_none(code: str) -> None:
    assert not list(hurries(ast.parse(code)))

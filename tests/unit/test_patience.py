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
WITHOUT_TIMEOUT = {
    "ClientSession": "30 s to connect and 300 s in all, which are aiohttp's own limits",
    "urlopen": "no limit, so that nothing ends a hang",
    "HTTPConnection": "no limit, so that nothing ends a hang",
    "HTTPSConnection": "no limit, so that nothing ends a hang",
}
"""What is wrong with such a call that names no timeout."""

WAITS = {"wait", "wait_for", "join", "communicate", "acquire", "result", "poll", "settimeout", "create_connection"}
"""Calls that may take a limit without its name, among other arguments."""

LIMITS = {"timeout", "Timeout", "ClientTimeout"}
"""Calls all of whose arguments are limits."""

EXCEPTIONS = {
    "MAX_WAIT_S": "a fault of the chaos program that finds no victim in this time is left out, and changes no result",
    "SLOW_S": "so long a slow step takes at least, and whoever waits for it waits until it hangs",
    "GIVE_UP_S": "the answer that is waited for never comes",
}
"""Names of other limits, and why a slow machine may reach each."""

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
        named = {keyword.arg or "" for keyword in call.keywords}
        if module == "httpx" and name in CLIENTS and not named & {"timeout", "transport"}:
            yield call.lineno, "five seconds, which is httpx's own limit"
        if name in WITHOUT_TIMEOUT and "timeout" not in named:
            yield call.lineno, WITHOUT_TIMEOUT[name]
        if is_redis(module, name) and not any(ast.unparse(url).startswith("patient_url(") for url in call.args):
            yield call.lineno, "five seconds, which is redis-py's own limit, after which the command is sent again"
        for limit in filter(is_short, limits(name, call)):
            yield call.lineno, f"{ast.unparse(limit)} as a limit"
        if (module, name, len(call.args)) == ("Deadline", "after", 1):
            yield call.lineno, "a deadline on the machine's clock"
        if name == "Transport" and len(call.args) + len(named) < 3:
            yield call.lineno, "a transport on the machine's clock, which cuts off the body of a busy upstream"
        dead = any(ast.unparse(url).strip("'").startswith(DEAD) for url in call.args)
        if (module, name) == ("Link", "open") and id(call) not in patient and not dead:
            yield call.lineno, LINK


def is_redis(module: str, name: str) -> bool:
    """Whether such a call makes a client of redis-py."""
    return name == "Redis" or (name == "from_url" and "redis" in module.lower())


def limits(name: str, call: ast.Call) -> list[ast.expr]:
    """The time limits among the arguments of a call. Names of seconds end in ``_s``."""
    if name in LIMITS:
        return [*call.args, *(keyword.value for keyword in call.keywords)]
    found = [keyword.value for keyword in call.keywords if "timeout" in (keyword.arg or "")]
    # The ``get`` of a queue has its limit after whether it waits; that of a dictionary never begins like that.
    of_queue = name == "get" and bool(call.args) and ast.unparse(call.args[0]) == "True"
    if name in WAITS or of_queue:
        found += [value for value in call.args if is_number(value) or ast.unparse(value).lower().endswith("_s")]
    return found


def is_number(value: ast.expr) -> bool:
    """Whether it is a number as it stands there."""
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)


def is_short(limit: ast.expr) -> bool:
    """Whether a limit may end something that does not hang: any number between a pause and a hang, any name but ``HANG_S``
    and the exceptions.
    """
    if is_number(limit):
        return PAUSE_S < float(ast.literal_eval(limit)) < HANG_S
    # A call makes a limit of arguments that are looked at themselves.
    if isinstance(limit, ast.Constant | ast.Call):
        return False
    names = {each.id for each in ast.walk(limit) if isinstance(each, ast.Name)}
    return not names or not names <= {"HANG_S", *EXCEPTIONS}


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
        "redis.Redis(port=port)",
        "Redis.from_url(url)",
        "redis.asyncio.from_url(url)",
        "link.connect(socket_timeout=2)",
        "here.poll(60)",
        "asyncio.wait_for(task, LIMIT_S)",
        "asyncio.timeout(5)",
        "subprocess.run(command, timeout=LIMIT_S)",
        "subprocess.run(command, timeout=2 * LIMIT_S)",
        "httpx.Timeout(HANG_S, read=5)",
        "sock.settimeout(5)",
        "urlopen(url)",
        "HTTPConnection(host)",
        "queue.get(True, 5)",
        "aiohttp.ClientSession(url)",
        "aiohttp.ClientTimeout(total=5)",
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
        "subprocess.run(command, timeout=2 * HANG_S)",
        "Redis.from_url(patient_url(url))",
        "aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=HANG_S))",
        "sessions.get(key, 5)",
        "', '.join(names)",
        "process.poll()",
        "pause.wait(0.05)",
        "Deadline.after(10, clock)",
        "patient(Link.open(server.url))",
        "Transport(http, key, clock)",
        "Link.open('redis://127.0.0.1:1/0')",
    ],
)
def test_what_only_ends_a_hang_is_none(code: str) -> None:
    assert not list(hurries(ast.parse(code)))

"""The command ``python -m local.sandbox`` serves, ends cleanly and refuses bad options."""

import signal
import subprocess
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from local.sandbox.state import KEY
from tests.patience import HANG_S
from tests.sandbox_program import COMMAND, ENVIRONMENT, ROOT, sandbox_program

PATHS = (
    "/v2/aggs/ticker/AAPL/range/1/minute/2026-11-18/2026-11-19",
    "/v2/aggs/ticker/BACpL/range/1/week/2016-01-01/2026-11-19?limit=50000",
    "/v2/aggs/grouped/locale/us/market/stocks/2026-11-18",
    "/v2/aggs/ticker/MSFT/prev",
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_cleanly(number: signal.Signals) -> None:
    options = ("--plan", "free", "--key", "fake-key", "--per-minute", "2", "--now", "2026-11-20T15:00:00Z")
    with sandbox_program(*options, stderr=subprocess.PIPE) as (process, url):
        found = [httpx.get(f"{url}/v1/marketstatus/now?apiKey=fake-key", timeout=HANG_S) for _ in range(3)]
        assert [response.status_code for response in found] == [200, 200, 429]
        assert found[0].json()["serverTime"].startswith("2026-11-20T10:00:")
        httpx.post(f"{url}/_control/faults", json={"kind": "truncated"}, timeout=HANG_S).raise_for_status()
        httpx.post(f"{url}/_control/clock", json={"advance_s": 61}, timeout=HANG_S).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{url}/v2/aggs/ticker/AAPL/prev?apiKey=fake-key", timeout=HANG_S)
        process.send_signal(number)
        output, errors = process.communicate(timeout=HANG_S)
    assert (process.returncode, output, errors) == (0, "", "")


def test_the_same_seed_is_the_same_market_in_another_process() -> None:
    with (
        sandbox_program("--seed", "11", "--now", "2026-11-20T15:00:00Z") as one,
        sandbox_program("--seed", "11") as two,
    ):
        httpx.post(f"{two[1]}/_control/clock", json={"now": "2026-11-20T15:00:00Z"}, timeout=HANG_S).raise_for_status()
        for path in PATHS:
            answers = [
                httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {KEY}"}, timeout=HANG_S).json()
                for _, url in (one, two)
            ]
            assert answers[0]["results"] == answers[1]["results"]
            assert len(answers[0]["results"]) > 0


def test_its_clock_may_be_ahead_of_the_machines() -> None:
    with sandbox_program("--clock-offset-us", str(400 * 86_400 * 1_000_000)) as (_, url):
        before = datetime.now(UTC)
        now = httpx.get(f"{url}/_control/clock", timeout=HANG_S).json()["now"]
        after = datetime.now(UTC)
    assert before <= datetime.fromisoformat(now) - timedelta(days=400) <= after


@pytest.mark.parametrize(
    "arguments",
    [
        ("--plan", "gold"),
        ("--port", "x"),
        ("--stream-port", "x"),
        ("--now", "noon"),
        ("--clock-offset-us", "x"),
        ("--clock-offset-us", "99999999999999999"),
        ("--latency-ms", "-1"),
        ("--latency-ms", "nan"),
        ("--per-minute", "0"),
        ("--seed", "x"),
    ],
)
def test_options_that_make_no_sense(arguments: tuple[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [*COMMAND, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert arguments[0] in done.stderr


def test_a_port_that_is_taken_is_an_error() -> None:
    with sandbox_program() as (_, url):
        done = subprocess.run(  # noqa: S603 - our own program
            [*COMMAND, "--port", url.rsplit(":", 1)[1]],
            cwd=ROOT,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert "in use" in done.stderr

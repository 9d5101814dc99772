"""`make up` with settings that cannot work is one clear sentence, and what it prints is true and holds no password."""

import pytest

from local.stack.caller import check_caller, described, without_password
from local.stack.launcher import StackError


@pytest.mark.parametrize(
    "caller",
    [
        {},
        {"REDIS_URL": "", "POLYGON_BASE_URL": "", "POLYGON_PER_MINUTE": ""},
        {"REDIS_URL": "redis://127.0.0.1:6379/0"},
        {"REDIS_URL": "rediss://:pass@host.example"},
        {"POLYGON_BASE_URL": "https://api.polygon.io/", "POLYGON_PER_MINUTE": "6000"},
        {"POLYGON_BASE_URL": "http://127.0.0.1:8080"},
        {"POLYGON_STREAM_URL": "wss://delayed.massive.com/stocks"},
        {"AT": ""},
        {"AT": "open"},
        {"AT": "2026-11-20T15:00:00Z", "POLYGON_API_KEY": ""},
    ],
)
def test_what_can_work_is_taken(caller: dict[str, str]) -> None:
    check_caller(caller)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://:secret@localhost:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://:secret@host:port"),
        ("REDIS_URL", "redis://host:99999"),
        ("POLYGON_BASE_URL", "api.massive.com"),
        ("POLYGON_BASE_URL", "https://api.massive.com/v2"),
        ("POLYGON_BASE_URL", "https://api.massive.com?key=secret"),
        ("POLYGON_BASE_URL", "ftp://api.massive.com"),
        ("POLYGON_STREAM_URL", "https://:secret@socket.massive.com/stocks"),
        ("POLYGON_STREAM_URL", "wss://"),
        ("AT", "secret"),
        ("AT", "2026-11-20"),
        ("POLYGON_PER_MINUTE", "0"),
        ("POLYGON_PER_MINUTE", "-5"),
        ("POLYGON_PER_MINUTE", "many"),
        ("POLYGON_PER_MINUTE", "5.5"),
        ("POLYGON_PER_MINUTE", "\u0665"),
    ],
)
def test_what_cannot_is_one_sentence_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(StackError) as caught:
        check_caller({name: value})
    text = str(caught.value)
    assert text.startswith(f"{name} must be ")
    assert text.count("\n") == 0
    assert "secret" not in text


def test_the_real_market_has_no_other_time() -> None:
    with pytest.raises(StackError, match=r"^AT must be left out [^\n]*\.$"):
        check_caller({"AT": "open", "POLYGON_API_KEY": "secret"})


@pytest.mark.parametrize("host", ["https://api.massive.com", "https://api.polygon.io/"])
def test_only_the_vendor_is_the_real_one(host: str) -> None:
    assert described(host) == f"the real one ({host})"


@pytest.mark.parametrize(
    "other", ["http://127.0.0.1:8080", "https://api.massive.com.example", "https://x/api.massive.com"]
)
def test_any_other_is_its_address(other: str) -> None:
    assert described(other) == other


def test_no_password_is_printed() -> None:
    assert without_password("rediss://user:secret@host:6379/0") == "rediss://host:6379/0"
    assert without_password("redis://127.0.0.1:6379/0") == "redis://127.0.0.1:6379/0"

"""The settings in a function's environment."""

import pytest
from pydantic import ValidationError

from dekr.config import Settings

LEAST = {
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "KEYS_TABLE": "keys",
    "POLYGON_SECRET_ARN": "arn:fake",
    "CURSOR_SECRET": "a fake secret of many characters",
}


def test_what_is_not_set_or_empty_has_its_usual_value() -> None:
    settings = Settings.read(LEAST | {"POLYGON_PER_MINUTE": "", "HOME": "/"})
    assert (settings.per_minute, settings.key_prefix, settings.redis_mode) == (5, "dekr:", "single")


@pytest.mark.parametrize(
    "wrong",
    [
        {"REDIS_URL": "http://127.0.0.1"},
        {"POLYGON_PER_MINUTE": "0"},
        {"REDIS_MODE": "sentinel"},
        {"POLYGON_BASE_URL": "ftp://host"},
        {"PUBLIC_URL": "https://api.example.com/"},
        {"PUBLIC_URL": "api.example.com"},
        {"REDIS_AUTH": "iam", "REDIS_MODE": "cluster"},
        {"KEYS_TABLE": ""},
        {"REDIS_URL": ""},
        {"REDIS_SECRET_ARN": "arn:of-a-second-store"},
        {"CURSOR_SECRET": ""},
        {"CURSOR_SECRET": "short"},
        {"CLOCK_OFFSET_US": "now"},
    ],
)
def test_what_cannot_work_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.read(LEAST | wrong)


def test_the_clock_may_be_ahead_or_behind() -> None:
    assert Settings.read(LEAST).clock_offset_us == 0
    assert Settings.read(LEAST | {"CLOCK_OFFSET_US": "-5000000"}).clock_offset_us == -5_000_000


def test_the_stores_url_may_be_in_a_secret() -> None:
    settings = Settings.read(LEAST | {"REDIS_URL": "", "REDIS_SECRET_ARN": "arn:fake"})
    assert (settings.redis_url, settings.redis_secret_arn) == ("", "arn:fake")

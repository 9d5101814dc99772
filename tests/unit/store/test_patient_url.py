"""The limits of a link that waits for the store."""

import pytest

from dekr.config import Settings
from dekr.errors import StoreDown
from dekr.store.connection import (
    PATIENT_REPLY_S,
    PATIENT_SIGN_IN_S,
    REPLY_S,
    SIGN_IN_S,
    connection_options,
    patient_url,
)
from dekr.store.link import FAILURES_TO_OPEN, OPEN_S, Link
from dekr.wiring import store_of


def limits(url: str) -> tuple[float, float]:
    options = connection_options(url)
    return options["socket_timeout"], options["socket_connect_timeout"]


def test_a_patient_url_has_longer_limits() -> None:
    assert limits("redis://127.0.0.1:1/0") == (REPLY_S, SIGN_IN_S)
    assert limits(patient_url("redis://127.0.0.1:1/0")) == (PATIENT_REPLY_S, PATIENT_SIGN_IN_S)
    assert REPLY_S < PATIENT_REPLY_S
    assert SIGN_IN_S < PATIENT_SIGN_IN_S


def test_limits_that_the_url_has_stay() -> None:
    assert limits(patient_url("redis://127.0.0.1:1/0?socket_timeout=7")) == (7, PATIENT_SIGN_IN_S)
    url = "redis://127.0.0.1:1/0?socket_timeout=7&socket_connect_timeout=8"
    assert patient_url(url) == url


@pytest.mark.parametrize("patient", [False, True])
def test_a_patient_link_tries_again_after_the_shortest_time(patient: bool) -> None:
    environment = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "KEYS_TABLE": "keys",
        "POLYGON_SECRET_ARN": "arn:fake",
        "CURSOR_SECRET": "a fake secret of many characters",
    }
    link = store_of(Settings.read(environment), patient=patient)
    assert isinstance(link, Link)
    assert link.connection.socket_timeout == (PATIENT_REPLY_S if patient else REPLY_S)
    link.breaker.monotonic = lambda: 100.0
    if not patient:
        link.breaker.random = lambda: 1.0
    for _ in range(FAILURES_TO_OPEN + 6):
        link.breaker.open_until_s = 0.0
        with pytest.raises(StoreDown):
            link.run()
    assert (link.breaker.open_until_s == 100.0 + OPEN_S) is patient

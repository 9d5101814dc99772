"""Signing in to the cache with the function's own AWS credentials."""

from datetime import UTC, datetime

from dekr.store.iam import IamCredentials

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAFAKE",
    "AWS_SECRET_ACCESS_KEY": "fake-secret",
    "AWS_SESSION_TOKEN": "fake-token",
    "AWS_REGION": "eu-central-1",
}


def test_every_connection_gets_a_fresh_token_for_the_user_and_the_cache() -> None:
    now = [datetime(2026, 11, 20, 15, tzinfo=UTC)]
    credentials = IamCredentials("Prod-functions", "Prod", ENVIRONMENT, lambda: now[0])
    user, token = credentials.get_credentials()
    assert user == "Prod-functions"
    assert token.startswith("prod/?Action=connect&")
    assert "X-Amz-Date=20261120T150000Z" in token
    assert "X-Amz-Security-Token=fake-token" in token
    assert "fake-secret" not in token
    now[0] = datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert credentials.get_credentials()[1] != token

from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from dekr.sigv4 import Credentials, elasticache_token, signed_headers

CREDENTIALS = Credentials("AKIAEXAMPLE", "not-a-real-secret", "not/a+real=token")
AT = datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)


def botocore_token(credentials: Credentials, region: str, cache: str, user: str, at: datetime) -> str:
    """The token as AWS documents it: a URL presigned by the SDK, without its scheme."""
    parameters = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
    request = AWSRequest("GET", f"https://{cache}/", params=parameters)
    known = BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("botocore.auth.get_current_datetime", lambda: at)
        SigV4QueryAuth(known, "elasticache", region, expires=900).add_auth(request)
    return str(request.url).removeprefix("https://")


odd = st.text(min_size=1) | st.text("aZ09-._~/+=%&?# :@\n\u00e9\u20ac\U0001f600", min_size=1)


@given(
    access_key=odd,
    secret_key=st.text(),
    token=st.none() | st.text() | odd,
    region=st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True),
    cache=st.from_regex(r"[a-z][a-z0-9]{0,19}(-[a-z0-9]{1,9}){0,2}", fullmatch=True),
    user=odd,
    at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
)
@example("AKIAEXAMPLE", "not-a-real-secret", None, "eu-west-1", "dekr", "dekr-app", AT)
@example("AKIAEXAMPLE", "not-a-real-secret", "a/b+c==", "us-gov-west-1", "dekr", "user name~%2F", AT)
def test_the_token_is_byte_for_byte_botocores(
    access_key: str, secret_key: str, token: str | None, region: str, cache: str, user: str, at: datetime
) -> None:
    credentials = Credentials(access_key, secret_key, token)

    assert elasticache_token(credentials, region, cache, user, at) == botocore_token(
        credentials, region, cache, user, at
    )


def test_the_token_signs_the_user_in_for_15_minutes() -> None:
    host, _, query = elasticache_token(CREDENTIALS, "eu-west-1", "dekr-cache", "dekr-app", AT).partition("/?")

    signature = parse_qs(query).pop("X-Amz-Signature")[0]
    assert len(signature) == 64
    assert host == "dekr-cache"
    assert parse_qs(query.removesuffix(f"&X-Amz-Signature={signature}")) == {
        "Action": ["connect"],
        "User": ["dekr-app"],
        "ResourceType": ["ServerlessCache"],
        "X-Amz-Algorithm": ["AWS4-HMAC-SHA256"],
        "X-Amz-Credential": ["AKIAEXAMPLE/20261120/eu-west-1/elasticache/aws4_request"],
        "X-Amz-Date": ["20261120T150405Z"],
        "X-Amz-Expires": ["900"],
        "X-Amz-SignedHeaders": ["host"],
        "X-Amz-Security-Token": ["not/a+real=token"],
    }


def test_the_secret_is_not_in_the_token_and_neither_secret_is_shown() -> None:
    assert "not-a-real-secret" not in elasticache_token(CREDENTIALS, "eu-west-1", "dekr-cache", "dekr-app", AT)
    assert "not-a-real-secret" not in repr(CREDENTIALS)
    assert "not/a+real=token" not in repr(CREDENTIALS)


def botocore_headers(
    credentials: Credentials,
    region: str,
    service: str,
    method: str,
    url: str,
    body: bytes,
    at: datetime,
    headers: dict[str, str],
) -> dict[str, str]:
    """The headers of a request that the SDK has signed."""
    request = AWSRequest(method, url, data=body, headers=headers)
    known = BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("botocore.auth.get_current_datetime", lambda: at)
        SigV4Auth(known, service, region).add_auth(request)
    return dict(request.headers.items())


hosts = st.from_regex(r"[A-Za-z][a-z0-9]{0,9}(\.[a-z]{2,5}){1,2}(:[1-9][0-9]{1,3}|:443|:80)?", fullmatch=True)
paths = st.lists(
    st.from_regex(r"(/|/\.|/\.\.|/[A-Za-z0-9._~@:-]{0,8}|/%40connections|/[A-Za-z0-9_-]{2}%3D)", fullmatch=True)
)
queries = st.lists(st.from_regex(r"[A-Za-z0-9-]{1,3}(=[A-Za-z0-9%.-]{0,3}=?)?", fullmatch=True), max_size=4)
names = st.from_regex(r"X-Amz-[A-Z][a-z]{0,5}", fullmatch=True).filter(lambda name: name != "X-Amz-Date")


@given(
    token=st.none() | st.text("aZ09/+=", min_size=1),
    service=st.sampled_from(["execute-api", "lambda", "dynamodb"]),
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    scheme=st.sampled_from(["http", "https"]),
    host=hosts | st.just("[::1]:8080"),
    path=paths.map("".join),
    query=queries.map("&".join),
    body=st.binary(max_size=20),
    headers=st.dictionaries(names, st.text("aZ09 ;=", max_size=9), max_size=3),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
)
def test_the_headers_are_byte_for_byte_botocores(
    token: str | None,
    service: str,
    method: str,
    scheme: str,
    host: str,
    path: str,
    query: str,
    body: bytes,
    headers: dict[str, str],
    at: datetime,
) -> None:
    credentials = Credentials("AKIAEXAMPLE", "not-a-real-secret", token)
    url = f"{scheme}://{host}{path}{'?' if query else ''}{query}"
    parts = credentials, "eu-west-1", service, method, url, body, at, headers

    assert signed_headers(*parts) == botocore_headers(*parts)


@pytest.mark.parametrize("credentials", [CREDENTIALS, Credentials("AKIAEXAMPLE", "not-a-real-secret")])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_id_that_ends_in_an_equals_sign_is_encoded_twice_for_the_signature(
    credentials: Credentials, method: str
) -> None:
    url = "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/stocks/%40connections/L0SM9cOFvHcCIhw%3D"
    parts = credentials, "eu-west-1", "execute-api", method, url, b"[]", AT, {"Content-Type": "application/json"}

    assert signed_headers(*parts) == botocore_headers(*parts)
    decoded = url.replace("%40", "@").replace("%3D", "=")
    once = signed_headers(credentials, "eu-west-1", "execute-api", method, decoded, b"[]", AT, {})
    assert signed_headers(*parts)["Authorization"] != once["Authorization"]


def test_credentials_are_read_from_the_variables_that_lambda_sets() -> None:
    read = Credentials.read({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"})

    assert read == Credentials("a", "b", "c")
    assert (
        Credentials.read({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": ""}).token
        is None
    )
    with pytest.raises(KeyError):
        Credentials.read({})

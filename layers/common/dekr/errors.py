"""Every error that the service raises on purpose, with its status and code.

    DekrError
      InvalidInput          422  names the field and the rule
        NotJson             400  the body is not what its type says
        BodyTooLarge        413
        WrongMediaType      415
      Unauthenticated       401  no key, a wrong one, a revoked one, two that differ
      Forbidden             403
        TierNotEntitled          a tier above the caller's own
        RoleRequired             the route is for another role
        UpstreamNotEntitled      our upstream plan has no source for it, and nothing is cached
      NotFound              404
        UnknownSymbol
      RateLimited           429  knows when to come back
      UpstreamInvalid       502  the upstream answered something that is not its wire format
      Unavailable           503  knows when to come back
        UpstreamDown             unreachable, failing, breaker open
        BudgetSpent              our own allowance of upstream calls is used up
        StoreDown                the shared store cannot be reached
      DeadlineExceeded      504

``dekr.polygon.failures`` draws the upstream's own branch. The code is what a program tests; the detail is one plain
sentence for a person. Nobody chooses a status by reading a message.
"""

from typing import ClassVar


class DekrError(Exception):
    """Base of every expected failure.

    ``detail`` is one plain sentence that is safe to show to the caller. ``fault`` is for the log alone: what exactly went wrong
    (a status, a kind of time-out, a model's field), never a value, a URL or a key; None where the code says it all.
    """

    status: ClassVar[int] = 500
    code: str = "internal_error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, code: str | None = None, fault: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fault = fault
        if code is not None:
            self.code = code


class InvalidInput(DekrError):
    """Input that breaks a rule: ``field`` is the name the caller used, the detail says the rule."""

    status = 422
    code = "invalid_input"
    title = "The request is not valid"

    def __init__(self, field: str, rule: str, *, code: str | None = None) -> None:
        super().__init__(f"{field}: {rule}", code=code)
        self.field = field


class NotJson(InvalidInput):
    """The body is not JSON."""

    status = 400
    code = "invalid_json"


class BodyTooLarge(InvalidInput):
    """The body is longer than any good one."""

    status = 413
    code = "body_too_large"


class WrongMediaType(InvalidInput):
    """The body is of a type that the route does not take."""

    status = 415
    code = "unsupported_media_type"


class Unauthenticated(DekrError):
    """The caller is nobody we know."""

    status = 401
    code = "invalid_api_key"
    title = "The API key or token is missing or not valid"


class Forbidden(DekrError):
    """The caller is known and may not have this."""

    status = 403
    code = "forbidden"
    title = "Not allowed"


class TierNotEntitled(Forbidden):
    """A tier above the caller's own was asked for."""

    code = "tier_not_entitled"


class RoleRequired(Forbidden):
    """The route or header is for another role."""

    code = "role_required"


class UpstreamNotEntitled(Forbidden):
    """Our upstream plan has no source for this datum and nothing is cached."""

    code = "upstream_not_entitled"


class NotFound(DekrError):
    """There is nothing at this address."""

    status = 404
    code = "not_found"
    title = "Not found"


class UnknownSymbol(NotFound):
    """The upstream does not know the ticker."""

    code = "unknown_symbol"


class RateLimited(DekrError):
    """The caller asks too often. ``retry_after_s`` is when one more request would be accepted."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after_s: float, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after_s = retry_after_s


class UpstreamInvalid(DekrError):
    """The upstream's answer is not what its format says; it is never cached."""

    status = 502
    code = "upstream_invalid"
    title = "The data provider sent an answer that cannot be used"


class Unavailable(DekrError):
    """It cannot be served now. ``retry_after_s`` is when to try again."""

    status = 503
    code = "unavailable"
    title = "Not available right now"

    def __init__(self, detail: str, *, retry_after_s: float, code: str | None = None, fault: str | None = None) -> None:
        super().__init__(detail, code=code, fault=fault)
        self.retry_after_s = retry_after_s


class UpstreamDown(Unavailable):
    """The upstream is unreachable, failing or its breaker is open."""

    code = "upstream_unavailable"


class BudgetSpent(Unavailable):
    """Our own allowance of upstream calls is used up for the moment."""

    code = "upstream_budget_spent"


class StoreDown(Unavailable):
    """The shared store cannot be reached."""

    code = "store_unavailable"

    def __init__(self, detail: str = "The shared store cannot be reached.", *, retry_after_s: float = 1.0) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)


class DeadlineExceeded(DekrError):
    """The time that the request had is over."""

    status = 504
    code = "deadline_exceeded"
    title = "It took too long"

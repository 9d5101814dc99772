"""Every error that the service raises on purpose, with its HTTP status and its code.

    DekrError
      InvalidInput          422  names the field and the rule
        NotJson             400  the body is not what its type says
        BodyTooLarge        413
        WrongMediaType      415
      Unauthenticated       401  no key, a wrong one, a revoked one, two that differ
      Forbidden             403
        TierNotEntitled          a tier above the caller's own
        FeatureNotInTier         a feature of higher tiers
        RoleRequired             the route is for another role
        UpstreamNotEntitled      our upstream plan has no source for it, and nothing is cached
      NotFound              404
        UnknownSymbol
        UnknownStream            not one of the caller's
        StreamEnded              over, so that it cannot be changed
        NotServed                a route of Polygon's that the service does not have
      MethodNotAllowed      405  says which methods the address has
      RateLimited           429  says when one more request would be accepted
      UpstreamInvalid       502  the upstream answered something that is not its wire format
      Unavailable           503  says when to try again
        UpstreamDown             failing, breaker open
          UpstreamUnreachable    no connection to it can be made
        BudgetSpent              our own allowance of upstream calls is used up
          ShareSpent        429  this user has made most of the calls; the rest is kept for others
        StoreDown                the shared store cannot be reached
      DeadlineExceeded      504

``dekr.polygon.failures`` draws the upstream's own branch. Programs test the code; the detail is one plain sentence for a
person, the fault one for the log. Nobody chooses a status by reading a message.
"""

from collections.abc import Sequence
from typing import ClassVar, Final


class DekrError(Exception):
    """Base of every expected failure.

    ``detail`` is one plain sentence that is safe to show to the caller. ``fault`` is for the log alone: it names exactly what
    went wrong (a status, a kind of time-out, a model's field) and never holds a value, a URL or a key; None where the code says
    it all.
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
    """Input that breaks a rule: ``field`` is the name that the caller used, ``rule`` the end of a sentence about it."""

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
    """The body is longer than the service accepts."""

    status = 413
    code = "body_too_large"


class WrongMediaType(InvalidInput):
    """The body is of a media type that the route does not take."""

    status = 415
    code = "unsupported_media_type"


class Unauthenticated(DekrError):
    """The caller has shown no credential, or one that is not valid."""

    status = 401
    code = "invalid_api_key"
    title = "The API key or token is missing or not valid"


class Forbidden(DekrError):
    """The caller is known but may not have this."""

    status = 403
    code = "forbidden"
    title = "Not allowed"


class TierNotEntitled(Forbidden):
    """The caller requested a tier above its own."""

    code = "tier_not_entitled"


class FeatureNotInTier(Forbidden):
    """The caller's tier lacks a feature; ``needed`` is the lowest tier that has it."""

    code = "feature_not_in_tier"

    def __init__(self, feature: str, tier: int, needed: int) -> None:
        super().__init__(f"Your tier ({tier}) does not include {feature}; tier {needed} and higher ones do.")
        self.needed = needed


class RoleRequired(Forbidden):
    """The caller's key lacks the role that the route or the header is for."""

    code = "role_required"


class UpstreamNotEntitled(Forbidden):
    """The service's upstream plan has no source for this datum, and nothing is cached."""

    code = "upstream_not_entitled"


class NotFound(DekrError):
    """There is nothing at the requested address."""

    status = 404
    code = "not_found"
    title = "Not found"


class UnknownSymbol(NotFound):
    """The upstream does not know the ticker."""

    code = "unknown_symbol"


class UnknownStream(NotFound):
    """The caller has no stream of this id."""

    code = "unknown_stream"

    def __init__(self) -> None:
        super().__init__("You have no stream of this id; one that has ended is kept for ten minutes.")


class StreamEnded(NotFound):
    """The stream is over: it cannot be changed any more."""

    code = "stream_ended"

    def __init__(self) -> None:
        super().__init__("This stream has ended; start another one.")


class NotServed(NotFound):
    """The address is one of the upstream's, and the service does not have it: it says nothing of what is asked for there."""

    code = "not_served"
    title = "Not served"


class MethodNotAllowed(DekrError):
    """The address has other methods only: those in ``allowed``, in alphabetical order."""

    status = 405
    code = "method_not_allowed"
    title = "The address does not have this method"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"This address has the methods {', '.join(allowed)}.")
        self.allowed = allowed


class RateLimited(DekrError):
    """The caller sends requests too often; one more would be accepted after ``retry_after_s`` seconds."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after_s: float, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after_s = retry_after_s


class UpstreamInvalid(DekrError):
    """The upstream's answer breaks its own wire format; it is never cached."""

    status = 502
    code = "upstream_invalid"
    title = "The data provider sent an answer that cannot be used"


class Unavailable(DekrError):
    """The request cannot be served now; the caller may try again after ``retry_after_s`` seconds."""

    status = 503
    code = "unavailable"
    title = "Not available right now"

    def __init__(self, detail: str, *, retry_after_s: float, code: str | None = None, fault: str | None = None) -> None:
        super().__init__(detail, code=code, fault=fault)
        self.retry_after_s = retry_after_s


class UpstreamDown(Unavailable):
    """The upstream is failing or unreachable, or its breaker is open."""

    code = "upstream_unavailable"


class UpstreamUnreachable(UpstreamDown):
    """No connection to the upstream can be made (its name is not found, or nobody answers): no call has left this machine."""

    code = "upstream_unreachable"

    def __init__(self, *, retry_after_s: float, fault: str) -> None:
        super().__init__("This service cannot reach the data provider.", retry_after_s=retry_after_s, fault=fault)


class BudgetSpent(Unavailable):
    """The service's own allowance of upstream calls is used up for the moment."""

    code = "upstream_budget_spent"


class ShareSpent(BudgetSpent):
    """The user has made most of the upstream calls of this minute; those that are left are kept for others."""

    status = 429
    code = "share_spent"
    title = RateLimited.title

    def __init__(self, *, retry_after_s: float, fault: str) -> None:
        text = (
            "You have made most of the calls that this service may make to its data provider in this minute; the rest is kept"
            " for others."
        )
        super().__init__(text, retry_after_s=retry_after_s, fault=fault)


class StoreDown(Unavailable):
    """The shared store cannot be reached."""

    code = "store_unavailable"

    def __init__(self, detail: str = "The shared store cannot be reached.", *, fault: str | None = None) -> None:
        super().__init__(detail, retry_after_s=1.0, fault=fault)


class DeadlineExceeded(DekrError):
    """The time that the request had is used up."""

    status = 504
    code = "deadline_exceeded"
    title = "It took too long"


MAX_CAUSES: Final = 5


def causes_of(error: BaseException) -> list[str]:
    """The names of the types of the errors that led to this one (``raise ... from``), the nearest first, at most MAX_CAUSES.

    Their texts are left out, because they may hold a value, a URL or a key.
    """
    names: list[str] = []
    while (cause := error.__cause__) is not None and len(names) < MAX_CAUSES:
        names.append(type(cause).__name__)
        error = cause
    return names


def fault_of(error: Exception) -> str | None:
    """The error's fault, else the name of the type of the error behind it; None where there is neither."""
    fault = error.fault if isinstance(error, DekrError) else None
    return fault or next(iter(causes_of(error)), None)

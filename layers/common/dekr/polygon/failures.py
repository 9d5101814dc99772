"""The ways in which a call of the upstream can fail.

    UpstreamDown
      UpstreamUnreachable  no connection (dekr.errors)
      KeyRefused   401: our key is wrong
        KeyUnusable  our key can be sent in no header
      Throttled    429
      Broken       5xx, time-out, broken connection
    UpstreamInvalid
      Cut          the answer broke off
      Rejected     any other status: it does not take the request
    UnknownSymbol  404
    NotEntitled    403: the plan does not include the endpoint; the fetch goes on to the next source

Neither their texts nor their faults ever hold a URL, a key or a part of a body.
"""

from typing import ClassVar

from dekr.errors import UpstreamDown, UpstreamInvalid, UpstreamNotEntitled


class KeyRefused(UpstreamDown):
    """The upstream does not accept the service's key (401)."""

    code = "upstream_key_refused"


class KeyUnusable(KeyRefused):
    """The service's key can be sent in no header, so no call was made."""


class Throttled(UpstreamDown):
    """The upstream limits the service's calls (429)."""

    code = "upstream_throttled"


class Broken(UpstreamDown):
    """The upstream failed (5xx), did not answer in time, or the connection broke."""


class Cut(UpstreamInvalid):
    """The upstream's answer ended before its announced end."""


class Rejected(UpstreamInvalid):
    """The upstream does not take the request as it is (a status that has no error of its own, such as 400)."""


class NotEntitled(Exception):
    """The plan does not include the endpoint (403). No answer shows it: where no source is left, it becomes UpstreamNotEntitled."""

    code: ClassVar[str] = UpstreamNotEntitled.code

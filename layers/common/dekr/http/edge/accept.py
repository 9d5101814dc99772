"""The weights in headers of content negotiation: Accept and Accept-Encoding (RFC 9110, section 12)."""

import re
from typing import Final

_WEIGHT: Final = re.compile(r"1(?:\.0*)?|0(?:\.\d*)?", re.ASCII)


def weights(header: str) -> dict[str, float]:
    """The names in such a header, in small letters, with their weights from 0 (refused) to 1. A name whose weight is no number of
    that kind is left out; of a name that stands there twice, the greater weight counts.
    """
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        weight = next((text.removeprefix("q=") for text in parameters if text.startswith("q=")), "1")
        if name and _WEIGHT.fullmatch(weight):
            found[name] = max(float(weight), found.get(name, 0.0))
    return found

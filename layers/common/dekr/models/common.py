"""The base of the documented shapes, the types of their fields, and the shape of every error."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

type Number = int | float

Symbol = Annotated[str, Field(description="The ticker, as the data provider spells it.", examples=["AAPL"])]
Moment = Annotated[str, Field(description="A moment in RFC 3339, UTC.", examples=["2026-11-20T14:59:59.123456789Z"])]


class Shape(BaseModel):
    """Base of the documented shapes. Most are never validated at run time, so a validator is built only when one is used."""

    model_config = ConfigDict(defer_build=True)


class Problem(Shape):
    """An error (RFC 9457). ``code`` is for programs, ``detail`` for people. ``field`` names the part of the request that is wrong;
    it is null for errors of another kind.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    field: str | None = None

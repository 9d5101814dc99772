"""Quotes and bars from Polygon, cached in Redis for as long as the caller's tier allows.

Run it with ``uvicorn --factory bench.peer.app:create_app`` and REDIS_URL, POLYGON_URL, POLYGON_KEY and API_KEYS (JSON:
key -> tier) in the environment.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import aiohttp
import redis.asyncio as redis
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Query, Request
from pydantic import TypeAdapter

from bench.peer.models import Bar, Quote
from dekr.tiers import Tier
from tests.patience import HANG_S, patient_url

Symbol = Annotated[str, Path(pattern=r"^[A-Za-z][A-Za-z.]{0,9}$")]
_KEYS = TypeAdapter(dict[str, Tier])
_BARS = TypeAdapter(list[Bar])


class Timespan(StrEnum):
    """The unit of a bar's window."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Open one pool of connections to Redis and one to Polygon for as long as the application runs."""
    app.state.keys = _KEYS.validate_json(os.environ["API_KEYS"])
    app.state.redis = redis.from_url(patient_url(os.environ["REDIS_URL"]))
    headers = {"Authorization": f"Bearer {os.environ['POLYGON_KEY']}"}
    async with aiohttp.ClientSession(
        os.environ["POLYGON_URL"], headers=headers, timeout=aiohttp.ClientTimeout(total=HANG_S)
    ) as session:
        app.state.polygon = session
        yield
    await app.state.redis.aclose()


async def tier_of(request: Request, x_api_key: Annotated[str, Header()]) -> Tier:
    """Return the tier of the caller's API key. Raises HTTPException (401) for an unknown key."""
    tier: Tier | None = request.app.state.keys.get(x_api_key)
    if tier is None:
        raise HTTPException(401, "Unknown API key.")
    return tier


CallerTier = Annotated[Tier, Depends(tier_of)]


async def polygon(request: Request, path: str, **parameters: str) -> Any:  # noqa: ANN401 - parsed JSON
    """Return the parsed JSON of Polygon's answer. Raises HTTPException: 404 for an unknown symbol, 502 if Polygon fails."""
    session: aiohttp.ClientSession = request.app.state.polygon
    try:
        async with session.get(path, params=parameters) as response:
            if response.status == 404:  # noqa: PLR2004 - not found
                raise HTTPException(404, "Unknown symbol.")
            response.raise_for_status()
            return await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise HTTPException(502, "Polygon did not answer.") from error


async def quote(request: Request, symbol: Symbol, tier: CallerTier) -> Quote:
    """Answer with the last bid and ask of a symbol."""
    store: redis.Redis = request.app.state.redis
    key = f"quote:{symbol}:{tier}"
    cached = await store.get(key)
    if cached is not None:
        return Quote.model_validate_json(cached)
    answer = await polygon(request, f"/v2/last/nbbo/{symbol}")
    latest = Quote.from_polygon(symbol, answer["results"])
    await store.set(key, latest.model_dump_json(), ex=tier.policy.real_time_s)
    return latest


async def bars(
    request: Request,
    symbol: Symbol,
    tier: CallerTier,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
    timespan: Timespan = Timespan.DAY,
    multiplier: Annotated[int, Query(ge=1, le=1440)] = 1,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 5_000,
) -> list[Bar]:
    """Answer with the bars of a range of days."""
    store: redis.Redis = request.app.state.redis
    key = f"bars:{symbol}:{multiplier}:{timespan}:{first}:{last}:{limit}:{tier}"
    cached = await store.get(key)
    if cached is not None:
        return _BARS.validate_json(cached)
    path = f"/v2/aggs/ticker/{symbol}/range/{multiplier}/{timespan}/{first}/{last}"
    answer = await polygon(request, path, limit=str(limit))
    rows = [Bar.from_polygon(symbol, result) for result in answer.get("results") or ()]
    age_s = tier.policy.historical_s if timespan is Timespan.DAY else tier.policy.real_time_s
    await store.set(key, _BARS.dump_json(rows), ex=age_s)
    return rows


def create_app() -> FastAPI:
    """Return the FastAPI application."""
    app = FastAPI(title="Market data", lifespan=lifespan)
    app.get("/quote/{symbol}")(quote)
    app.get("/bars/{symbol}")(bars)
    return app

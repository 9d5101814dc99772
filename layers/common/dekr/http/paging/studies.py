"""The parameters that describe a study (an indicator with its windows) in the queries of both dialects."""

from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from dekr.errors import InvalidInput
from dekr.http.edge.query import Whole
from dekr.market.bars.segments import Series
from dekr.market.indicators.study import FORMULAS, MAX_WINDOW, Indicator, Price, Study

MAX_VALUES: Final = 5_000
"""Values in an answer."""

IndicatorPath = Annotated[Indicator, Path(description="The indicator.")]
SeriesTypeQuery = Annotated[Price, Query(description="The price of each bar that goes into the indicator.")]
WindowQuery = Annotated[
    int | None,
    Query(ge=1, le=MAX_WINDOW, description="Bars in the window; default 50 (rsi: 14); not for macd."),
    Whole,
]
ShortWindowQuery = Annotated[
    int | None, Query(ge=1, le=MAX_WINDOW, description="Bars in the shorter EMA; default 12; macd only."), Whole
]
LongWindowQuery = Annotated[
    int | None, Query(ge=1, le=MAX_WINDOW, description="Bars in the longer EMA; default 26; macd only."), Whole
]
SignalWindowQuery = Annotated[
    int | None, Query(ge=1, le=MAX_WINDOW, description="Values in the signal; default 9; macd."), Whole
]


def study_of(
    indicator: Indicator,
    price: Price,
    window: int | None,
    short_window: int | None,
    long_window: int | None,
    signal_window: int | None,
) -> Study:
    """The study that the routes' parameters describe. Raises InvalidInput, naming a window that the indicator does not have,
    or that does not go with another.
    """
    lengths = {
        "window": window,
        "short_window": short_window,
        "long_window": long_window,
        "signal_window": signal_window,
    }
    windows = dict(FORMULAS[indicator].windows)
    for name, length in lengths.items():
        if length is None:
            continue
        if name not in windows:
            raise InvalidInput(name, f"is not a parameter of {indicator}; it has {', '.join(windows)}")
        windows[name] = length
    if indicator is Indicator.MACD and windows["short_window"] >= windows["long_window"]:
        raise InvalidInput("short_window", f"must be less than long_window ({windows['long_window']})")
    return Study(indicator, tuple(windows.values()), price)


def study_parameters(series: Series, study: Study) -> dict[str, str | int]:
    """The query parameters that describe this study of a series."""
    return {
        "timespan": series.timespan,
        "adjusted": str(series.adjusted).lower(),
        "series_type": study.price,
        **dict(zip(study.formula.windows, study.windows, strict=True)),
    }


def study_scope(series: Series, study: Study) -> str:
    """The name of this study of a series, to which cursors are sealed."""
    return f"{series.ticker}:{series.name}:{study.indicator}:{study.windows}:{study.price}"

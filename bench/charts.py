"""Draw docs/charts/*.svg from bench/results.json and bench/savings.json.

The same figures give the same bytes, because the files have no date and no random names. A chart is drawn if its
figures exist.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

CHARTS: Final = Path(__file__).parents[1] / "docs/charts"
SERVICE: Final = "this service"
OUR_COLOUR, OTHER_COLOURS = "#1f6f8b", ("#e0a458", "#8d99ae", "#b56576", "#6d8b74", "#9a8c98", "#c9ada7")
"""Colours of this service and of what it is compared with."""

HIT_PARTS: Final = (
    ("one round trip: limit and entry", "hit_round_trip_us"),
    ("freshness and the answer", "hit_service_us"),
    ("routing, validation, access, headers, log line", "hit_handler_us"),
)
"""Label and figure of each part of a hit. Each figure includes those before it."""

type Figures = Mapping[str, Any]


def draw(results: Figures, savings: Figures, folder: Path) -> list[str]:
    """Draw the charts that these figures allow into a folder. Return the names of the files."""
    charts: dict[str, tuple[bool, Callable[[Axes], None]]] = {
        "saved": (bool(savings.get("quotes")), lambda axes: _draw_saved(axes, savings["quotes"], "quotes")),
        "saved-mixed": (
            bool(savings.get("mixed")),
            lambda axes: _draw_saved(axes, savings["mixed"], "a mix of routes"),
        ),
        "sensitivity": (bool(savings.get("sensitivity")), lambda axes: _draw_sensitivity(axes, savings["sensitivity"])),
        "hit": ("hit_handler_us" in results, lambda axes: _draw_hit(axes, results)),
        "cpu": ("peer_cpu_us" in results, lambda axes: _draw_cpu(axes, results)),
        "memory": ("memory_quote_bytes" in results, lambda axes: _draw_memory(axes, results)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    drawable = {f"{name}.svg": chart for name, (available, chart) in charts.items() if available}
    style = mpl.rc_context(
        {
            "svg.hashsalt": "dekr",
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "font.size": 9,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    with style:
        for name, chart in drawable.items():
            figure = Figure(figsize=(7.5, 3.8), layout="constrained")
            chart(figure.add_subplot())
            figure.savefig(folder / name, format="svg", metadata={"Date": None})
    return list(drawable)


def _draw_saved(axes: Axes, sizes: Figures, subject: str) -> None:
    """Draw the saved calls in per cent by policy and requests a day.

    ``sizes``: by requests a day, the service's figures and those of the baselines.
    """
    policies: dict[str, list[float]] = {}
    broken: set[str] = set()
    for figures in sizes.values():
        for name, baseline in figures["baselines"].items():
            policies.setdefault(name, []).append(baseline["saved_pct"]["mean"])
            if baseline["violations"]:
                broken.add(name)
    policies[SERVICE] = [figures["saved_pct"]["mean"] for figures in sizes.values()]
    bars = [(f"{name} (older than allowed)" if name in broken else name, means) for name, means in policies.items()]
    _draw_groups(axes, [f"{int(size):,}" for size in sizes], bars, "{:.1f}")
    axes.set(
        title=f"Upstream calls saved on {subject}, %", xlabel="requests a day", ylim=(0, 118), yticks=range(0, 101, 20)
    )


def _draw_sensitivity(axes: Axes, cases: Sequence[Figures]) -> None:
    """Draw the saved calls in per cent by tiers and popularity."""
    named = {_case(case): case["saved_pct"] for case in cases}
    _draw_rows(axes, list(named), [("", list(named.values()), OUR_COLOUR)], "{:.1f} %")
    axes.set(title="Calls saved at 100,000 quotes a day, by tiers and popularity", xlim=(0, 112))


def _case(case: Figures) -> str:
    defaults = "as designed", "as fitted"
    changed = [
        text for text, default in zip((case["tiers"], case["popularity"]), defaults, strict=True) if text != default
    ]
    return ", ".join(changed) or "the day of the benchmark"


def _draw_hit(axes: Axes, results: Figures) -> None:
    """Draw the parts of a hit next to a bare GET, in microseconds."""
    axes.barh(["bare GET (redis-py)"], [results["hit_get_us"]], color=OTHER_COLOURS[1])
    axes.text(results["hit_get_us"] + 2, 0, f"{results['hit_get_us']:.0f}", va="center")
    left = 0.0
    for (label, name), color in zip(HIT_PARTS, (OUR_COLOUR, *OTHER_COLOURS), strict=False):
        part = results[name] - left
        axes.barh(["a hit"], [part], left=left, color=color, label=f"{label}: {part:.0f}")
        left = results[name]
    axes.text(left + 2, 1, f"{left:.0f}", va="center")
    axes.set(title="A quote from the cache, in parts (p50, microseconds)", xlim=(0, left * 1.1))
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.1), frameon=False)


def _draw_cpu(axes: Axes, results: Figures) -> None:
    """Draw the CPU time of a hit, the service's and the peer's, in microseconds."""
    names = ("peer_cpu", "peer_bars_cpu")
    bars = [
        ("FastAPI peer", [results[f"{name}_us"] for name in names]),
        (SERVICE, [results[f"{name}_us"] * results[f"{name}_ratio"] for name in names]),
    ]
    _draw_groups(axes, ["a quote", "a hundred day bars"], bars, "{:.0f}")
    axes.set(title="CPU of a request that the cache answers, microseconds")


def _draw_memory(axes: Axes, results: Figures) -> None:
    """Draw the Redis memory of an entry by class, as text and as stored."""
    names = [name[7:-6] for name in results if name.startswith("memory_") and name.endswith("_bytes")]
    classes = [name for name in names if f"memory_{name}_plain_bytes" in results]
    bars = [
        ("as text", [results[f"memory_{name}_plain_bytes"] for name in classes], OTHER_COLOURS[0]),
        ("as kept", [results[f"memory_{name}_bytes"] for name in classes], OUR_COLOUR),
    ]
    _draw_rows(axes, [name.replace("_", " ") for name in classes], bars, "{:,.0f}")
    axes.set(title="Redis memory of one entry, bytes", xscale="log", xlim=(100, 200_000))
    axes.legend(frameon=False, loc="lower right")


def _draw_groups(axes: Axes, groups: Sequence[str], bars: Sequence[tuple[str, Sequence[float]]], form: str) -> None:
    """Draw vertical bars side by side for each group. The last bar of a group is this service's."""
    width = 0.84 / len(bars)
    for number, (label, values) in enumerate(bars):
        color = OUR_COLOUR if number == len(bars) - 1 else OTHER_COLOURS[number % len(OTHER_COLOURS)]
        at = [group - 0.42 + (number + 0.5) * width for group in range(len(groups))]
        drawn = axes.bar(at, values, width * 0.94, label=label, color=color)
        axes.bar_label(drawn, [form.format(value) for value in values], padding=2, fontsize=7)
    axes.set_xticks(range(len(groups)), groups)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)


def _draw_rows(axes: Axes, rows: Sequence[str], bars: Sequence[tuple[str, Sequence[float], str]], form: str) -> None:
    """Draw horizontal bars below each other, the first row on top. ``bars``: label, values and colour."""
    height = 0.8 / len(bars)
    for number, (label, values, color) in enumerate(bars):
        at = [row - 0.4 + (number + 0.5) * height for row in range(len(rows))]
        drawn = axes.barh(at, values, height * 0.94, label=label, color=color)
        axes.bar_label(drawn, [form.format(value) for value in values], padding=3, fontsize=8)
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()

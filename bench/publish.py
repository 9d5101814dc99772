"""``make bench-publish``: write the figures of the last runs into bench/README.md and bench/savings.json, and draw the charts."""

from pathlib import Path

from bench.charts import CHARTS, draw
from bench.figures import Figures


def publish(figures: Figures, charts: Path) -> list[Path]:
    """Write what is not published yet, and draw the charts of all figures. Return the files; none if there is nothing new."""
    written = figures.publish()
    if written:
        written += [charts / name for name in draw(figures.results(), figures.savings(), charts)]
    return written


def main() -> None:
    """Publish, and print the files that were written."""
    written = publish(Figures(), CHARTS)
    if not written:
        print("There are no new figures: run `make bench` or `make bench-savings` first.")
    for path in written:
        print(path.relative_to(Path.cwd()))


if __name__ == "__main__":
    main()

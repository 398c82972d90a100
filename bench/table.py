"""What the benchmark says: one row for each figure, the goal beside it, and what bounds it."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

MET, NOT_MET, NOT_RUN, TOLD = "met", "NOT MET", "not run", ""


@dataclass(frozen=True)
class Row:
    """One figure. `verdict` is empty where there is no goal; `bound` says what was measured to hold the figure where it is."""

    goal: str  # P1 to P14
    what: str
    measured: str
    wanted: str = ""
    verdict: str = TOLD
    bound: str = ""


@dataclass(frozen=True)
class Figure:
    """One quantity over the rounds of a run."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __truediv__(self, other: "Figure") -> "Figure":
        """Round by round: the two sides of one round ran side by side, whatever else the machine did then."""
        return Figure(tuple(a / b if b else float("inf") for a, b in zip(self.values, other.values, strict=True)))

    def text(self, form: Callable[[float], str]) -> str:
        """The median with the lowest and highest of the rounds."""
        return f"{form(self.median)} ({form(min(self.values))}–{form(max(self.values))})"


def percent(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.1f} %"


def times(value: float) -> str:
    return f"{value:.1f}×" if value >= 9.95 else f"{value:.2f}×"


def per_second(value: float) -> str:
    return f"{value:,.0f}/s"


def milliseconds(value: float) -> str:
    """Of a number of milliseconds."""
    return f"{value:,.0f} ms" if value >= 9.95 else f"{value:.1f} ms"


def size(value: float) -> str:
    return f"{value:,.0f} B"


def number(value: float) -> str:
    return f"{value:,.0f}"


def verdict(*claims: bool) -> str:
    return MET if all(claims) else NOT_MET


def not_run(goal: str, what: str, why: str) -> Row:
    return Row(goal, what, "–", "", NOT_RUN, why)


HEADER = Row("goal", "what", "measured: median (lowest–highest)", "wanted", "verdict")


def lines(rows: Iterable[Row]) -> list[str]:
    """The rows as aligned text; beneath each what bounds it."""
    cells = [(row.goal, row.what, row.measured, row.wanted, row.verdict) for row in (HEADER, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    out = []
    for row, line in zip((HEADER, *rows), cells, strict=True):
        out.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if row.bound:
            out.append(" " * (widths[0] + 4) + row.bound)
    return out


def summary(rows: Sequence[Row]) -> str:
    counts = {word: sum(row.verdict == word for row in rows) for word in (MET, NOT_MET, NOT_RUN)}
    return f"{counts[MET]} met, {counts[NOT_MET]} not met, {counts[NOT_RUN]} not run."

"""The door to matplotlib: its object API on the Agg canvas, no pyplot, no state shared between figures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdkna.errors import UsageError
from xrdkna.report.output import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure as Figure
    from matplotlib.transforms import Transform

SUFFIXES = (".png", ".svg", ".pdf")
DOTS_PER_INCH = 160
FOOTER_LINE = 0.165  # inches a line of text
_STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "font.family": ["DejaVu Sans"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.labelsize": 9.0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "text.parse_math": False,  # a dollar sign in a phase name is a dollar sign
    "svg.hashsalt": "xrdkna",  # the same answer gives the same file
    "path.simplify": True,
    "agg.path.chunksize": 20_000,  # a million points on one line overflow Agg's cells otherwise
}


@contextmanager
def drawing() -> Iterator[None]:
    """This package's style, for as long as a figure is drawn and saved; the user's own settings are as before afterwards."""
    from matplotlib import rc_context

    with rc_context(_STYLE):
        yield


def stacked_panels(heights: list[float], *, width: float, footer: Sequence[str] = ()) -> tuple[Figure, list[Axes]]:
    """A figure `width` inches wide with panels of these heights (inches) one above the other on one x axis.

    footer: lines of text below the last panel.
    """
    from matplotlib.figure import Figure

    rows = [*heights, FOOTER_LINE * len(footer)] if footer else heights
    figure = Figure(figsize=(width, sum(rows) + 0.7), layout="constrained", dpi=DOTS_PER_INCH)
    grid = figure.add_gridspec(len(rows), 1, height_ratios=rows)
    axes: list[Axes] = []
    for row in range(len(heights)):
        axes.append(figure.add_subplot(grid[row], sharex=axes[0] if axes else None))
    if footer:
        note = figure.add_subplot(grid[-1], frameon=False, xticks=[], yticks=[], label="footer")
        note.text(0.0, 1.0, "\n".join(footer), transform=note.transAxes, va="top", fontsize=8, linespacing=1.35)
    for panel in axes[:-1]:
        panel.tick_params(labelbottom=False)
    return figure, axes


def second_axis(panel: Axes) -> Axes:
    """A second y axis on the right of a panel."""
    twin = panel.twinx()
    twin.spines["right"].set_visible(True)
    return twin


def above(panel: Axes, points: float) -> Transform:
    """x in the panel's data, y = 1 this many points above the panel's top edge."""
    from matplotlib.transforms import ScaledTranslation

    upwards = ScaledTranslation(0.0, points / 72.0, panel.figure.dpi_scale_trans)
    return panel.get_xaxis_transform() + upwards


def power_norm(low: float, high: float) -> Normalize:
    """A square-root colour scale: weak lines show beside strong ones."""
    from matplotlib.colors import PowerNorm

    return PowerNorm(0.5, vmin=low, vmax=max(high, low + 1.0))


def fade(shade: str) -> Colormap:
    """From a pale grey at 0 to the colour at 1."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("fade", ["#F0F0F0", shade])


def check_suffix(path: str | Path) -> str:
    """The suffix without its dot. Raises UsageError when no figure can be written under this name."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        given = f"ends in {suffix}" if suffix else "has no ending"
        raise UsageError(f"the figure's name {path} {given}; a figure can be written as {', '.join(SUFFIXES)}.")
    return suffix[1:]


def save(figure: Figure, path: str | Path) -> None:
    """Write the figure in the format its name's ending says. Raises UsageError for another ending or a place that cannot be written."""
    kind = check_suffix(path)
    content = io.BytesIO()
    # no date of making: the same answer gives the same file
    undated: dict[str, dict[str, str | None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    figure.savefig(content, format=kind, metadata=undated[kind])
    write_bytes(path, content.getvalue())

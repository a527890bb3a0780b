"""Pieces of an interactive figure: plain dictionaries in the form plotly.js reads, so that no Python plotly is needed."""

import html
from typing import Any

import numpy as np
import numpy.typing as npt

from xrdkna.report.palette import VIRIDIS

Spec = dict[str, Any]
# The page replaces this word by its text colour, dark or light.
INK = "@ink"
DIGITS = 6
MARGIN = {"l": 84, "r": 78, "t": 26, "b": 44}
# plotly places a colour by its share of the range; squares of equal steps make a square-root scale whose hover shows counts.
ROOT_VIRIDIS = [[round((i / (len(VIRIDIS) - 1)) ** 2, 4), shade] for i, shade in enumerate(VIRIDIS)]


def figure(data: list[Spec], layout: Spec, *, height: int, label: str, caption: str = "", group: str = "", scalable: bool = False) -> Spec:
    """One figure of the page. label: what a screen reader says. group: figures of one group share their x range.

    scalable: the page offers a logarithmic intensity axis.
    """
    base: Spec = {
        "height": height,
        "margin": dict(MARGIN),
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
        "dragmode": "zoom",
    }
    return {"data": data, "layout": base | layout, "label": label, "caption": caption, "group": group, "scalable": scalable}


def line(x: list[Any], y: npt.ArrayLike, name: str, shade: str, **style: Any) -> Spec:
    """A plain curve; style: plotly's line attributes beside the colour."""
    return {"type": "scatter", "mode": "lines", "x": x, "y": numbers(y), "name": name, "line": {"color": shade, "width": 1.4, **style}}


def numbers(values: npt.ArrayLike, *, digits: int = DIGITS) -> list[Any]:
    """The array as nested lists of short numbers, None where it is not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim > 1:
        return [numbers(row, digits=digits) for row in array]
    return [float(f"{x:.{digits}g}") if np.isfinite(x) else None for x in array.tolist()]


def plotly_text(text: str) -> str:
    """Text that plotly shows as it is: it would read tags in a name as markup."""
    return html.escape(text, quote=False)


def axis(title: str, **more: Any) -> Spec:
    """One axis with its title."""
    return {"title": {"text": title, "standoff": 6, "font": {"size": 12}}, "zeroline": False, "ticks": "outside", "ticklen": 4, **more}

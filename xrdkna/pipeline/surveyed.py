"""What is known of a series before its scans are followed one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from xrdkna.physics.lattice import d_spacings
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.values import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the survey found. reflections: of the whole choice; followed: of the phases worth following scan by scan.

    start: parameters by name of the first stretch's fit; trusted: whether that fit explains its pattern; cells: of each phase where it
    showed best; known: places and widths of the phases that come and go, by parameter; unexplained: lines of no phase, at their places in
    the sums.
    """

    instrument: Instrument
    reflections: tuple[Reflections, ...]
    followed: tuple[Reflections, ...]
    start: Mapping[str, float]
    trusted: bool
    cells: Mapping[str, Cell]
    known: Mapping[str, Estimate]
    fwhm: float
    halos: tuple[Halo, ...]
    unexplained: tuple[Peak, ...]
    texture_sd: Mapping[str, float]
    gof: float

    def at_known_cell(self, lines: Reflections) -> Reflections:
        """The phase's reflections at the cell the survey found for it; at the reference cell where it did not show."""
        cell = self.cells.get(lines.phase)
        return lines if cell is None else replace(lines, cell=cell, d_spacing=d_spacings(lines.hkl, cell))

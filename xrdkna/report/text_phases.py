"""Terminal tables of the reference library. Every function returns plain text without a trailing newline."""

from collections.abc import Iterable, Mapping

from xrdkna.physics.lattice import free_cell_parameters
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Phase, Reflections
from xrdkna.report.lines import Line, strongest_lines, tabulate_lines
from xrdkna.report.plain import table
from xrdkna.report.values import counted, hkl_text, line_name, shortened


def phases_summary(
    phases: Iterable[Phase], *, reflections: Mapping[str, Reflections] | None = None, instrument: Instrument | None = None
) -> str:
    """One row a phase: what it is, its cell, and its three strongest lines where reflections are given: by angle with an instrument,
    by d without one."""
    given = reflections or {}
    rows = [[*_phase_cells(p), _strongest(given.get(p.name), instrument), shortened(p.source, 44)] for p in phases]
    if not rows:
        return "The library holds no phase."
    where = "d, Å" if instrument is None else "° 2θ"
    return table(("phase", "role", "space group", "cell", f"strongest lines [{where}]", "source"), rows)


def lines_summary(phase: Phase, reflections: Reflections, instrument: Instrument) -> str:
    """Every line of one phase within reach of the radiation."""
    lines = tabulate_lines(reflections, instrument)
    head = f"{phase.name} · {phase.formula} · {phase.space_group} · {_cell(phase)} · {instrument.radiation.name} · {phase.source}"
    if not lines:
        return f"{head}\n\nNo line lies within reach of {instrument.radiation.wavelength:.6g} Å."
    rows = [
        [
            hkl_text(x.hkl),
            f"{x.multiplicity:g}",
            f"{x.d_spacing:.5f}",
            "" if x.two_theta is None else f"{x.two_theta:.4f}",
            f"{x.intensity:.1f}",
            f"{x.f_squared:.4g}",
        ]
        for x in lines
    ]
    return f"{head}\n\n" + table(("hkl", "multiplicity", "d [Å]", "2θ [°]", "I/Imax [%]", "|F|²"), rows, right="lrrrrr")


def overlaps_summary(pairs: Iterable[tuple[Line, Line]], *, width: float) -> str:
    """Lines of different phases closer than `width` degrees."""
    rows = [
        [
            line_name(a.phase, a.hkl),
            f"{a.two_theta:.3f}",
            line_name(b.phase, b.hkl),
            f"{b.two_theta:.3f}",
            f"{abs(a.two_theta - b.two_theta):.3f}",
        ]
        for a, b in pairs
    ]
    if not rows:
        return f"No two lines of different phases lie closer than {width:g}° 2θ."
    head = f"{counted(len(rows), 'pair')} of lines of different phases closer than {width:g}° 2θ"
    return f"{head}\n\n" + table(("line", "2θ [°]", "lies on", "2θ [°]", "apart [°]"), rows, right="lrlrr")


def _phase_cells(phase: Phase) -> list[str]:
    name = shortened(phase.name) + (" (positions only)" if phase.positions_only else "")
    return [name, phase.role, phase.space_group, _cell(phase)]


def _cell(phase: Phase) -> str:
    free = free_cell_parameters(phase.crystal_system, phase.cell)
    return ", ".join(f"{name} {getattr(phase.cell, name):g}{'°' if len(name) > 1 else ' Å'}" for name in free)


def _strongest(reflections: Reflections | None, instrument: Instrument | None) -> str:
    if reflections is None:
        return ""
    lines = strongest_lines(reflections, instrument, 3)
    places = [f"{line.d_spacing:.3f}" if line.two_theta is None else f"{line.two_theta:.2f}" for line in lines]
    return ", ".join(f"{place} {hkl_text(line.hkl)}" for place, line in zip(places, lines, strict=True))

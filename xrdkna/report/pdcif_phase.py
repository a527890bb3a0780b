"""One phase of a refinement as a block of a powder CIF: what it is, its cell, its share, its reflections."""

import re
from collections.abc import Iterator, Mapping

from xrdkna.physics.lattice import CELL_NAMES, d_spacings, free_cell_parameters, free_parameter_of_each
from xrdkna.records.index import Index
from xrdkna.records.phases import Cell, Phase
from xrdkna.records.refinement import FittedLine, PhaseFit
from xrdkna.records.values import Estimate
from xrdkna.report.cif_text import UNKNOWN, cif_estimate, cif_item, cif_loop, cif_number, cif_prose, cif_word

_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?\s*")
_REFLECTION_NAMES = (
    "_refln_index_h",
    "_refln_index_k",
    "_refln_index_l",
    "_pd_refln_phase_id",
    "_refln_d_spacing",
    "_refln_intensity_calc",
    "_xrdkna_refln_2theta",
    "_xrdkna_refln_fwhm",
)


def phase_block(index: Index, fit: PhaseFit, crystal: Phase, number: int) -> str:
    """The items of the block, `number` being the phase's `_pd_phase_id`. `crystal`: the phase as the library has it."""
    verdict = next((judged.verdict for judged in index.phases if judged.phase == fit.phase), UNKNOWN)
    lines = () if index.refinement is None else index.refinement.lines
    cell = _whole_cell(fit, crystal)
    parts = [
        cif_item("_pd_phase_id", str(number)),
        cif_item("_pd_phase_name", cif_word(fit.phase)),
        *_crystal_items(crystal),
        *(cif_item(f"_cell_{'length' if name in 'abc' else 'angle'}_{name}", cif_estimate(cell[name])) for name in CELL_NAMES),
        cif_item("_pd_phase_mass_%", cif_estimate(fit.weight_fraction, factor=100.0)),
        cif_item("_xrdkna_phase_verdict", verdict),
        *_fit_items(fit),
        *([cif_item("_pd_proc_ls_pref_orient_corr", cif_prose(_texture_sentences(fit)))] if fit.texture else []),
        _reflections([line for line in lines if line.phase == fit.phase], cell, number),
    ]
    return "\n".join(part for part in parts if part)


def _crystal_items(crystal: Phase) -> Iterator[str]:
    if (formula := _formula_sum(crystal.formula)) is not None:
        yield cif_item("_chemical_formula_sum", cif_word(formula))
    yield cif_item("_space_group_crystal_system", crystal.crystal_system)
    if crystal.space_group:
        yield cif_item("_space_group_name_H-M_alt", cif_word(crystal.space_group))
    if crystal.space_group_number:
        yield cif_item("_space_group_IT_number", str(crystal.space_group_number))
    if crystal.source:
        yield cif_item("_xrdkna_phase_source", cif_prose([crystal.source]))


def _formula_sum(formula: str) -> str | None:
    """The formula in the order of Hill (1900), "C K2 O3"; None where it is more than elements and counts."""
    if not re.fullmatch(rf"(?:{_ELEMENT.pattern})+", formula):
        return None
    counts: dict[str, float] = {}
    for element, count in _ELEMENT.findall(formula):
        counts[element] = counts.get(element, 0.0) + float(count or 1.0)
    first = ("C", "H") if "C" in counts else ()
    ordered = sorted(counts, key=lambda element: (first.index(element) if element in first else len(first), element))
    return " ".join(element if counts[element] == 1.0 else f"{element}{counts[element]:g}" for element in ordered)


def _whole_cell(fit: PhaseFit, crystal: Phase) -> dict[str, Estimate]:
    """All six cell parameters: those the fit knows, those that equal one of them by symmetry, and the fixed ones without esd."""
    free = free_cell_parameters(crystal.crystal_system, crystal.cell)
    followed = free_parameter_of_each(crystal.crystal_system, crystal.cell)
    cell = {name: Estimate(value=value, esd=None, unit="") for name, value in zip(CELL_NAMES, crystal.cell.values, strict=True)}
    for name, number in zip(CELL_NAMES, followed, strict=True):
        if number >= 0 and free[number] in fit.cell:
            cell[name] = fit.cell[free[number]]
    return cell


def _fit_items(fit: PhaseFit) -> Iterator[str]:
    shift = fit.displacement
    named = [
        ("scale", fit.scale),
        ("size_angstrom", fit.size),
        ("strain", fit.strain),
        (f"displacement_{'mm' if shift is not None and shift.unit == 'mm' else 'degrees'}", shift),
    ]
    yield cif_item("_xrdkna_phase_significance", cif_number(fit.significance, 4))
    if fit.detection_limit is not None:
        yield cif_item("_xrdkna_phase_detection_limit_%", cif_number(100.0 * fit.detection_limit.value, 4))
    for name, estimate in named:
        if estimate is not None:
            yield cif_item(f"_xrdkna_phase_{name}", cif_estimate(estimate))


def _texture_sentences(fit: PhaseFit) -> Iterator[str]:
    yield "Refined, by name:"
    yield "; ".join(f"{name}: {cif_estimate(estimate)}" for name, estimate in fit.texture.items()) + "."


def _reflections(lines: list[FittedLine], cell: Mapping[str, Estimate], number: int) -> str:
    """The loop of reflections in rising 2θ; d from the fitted cell, for 2θ is where displacement has put the line."""
    if not lines:
        return ""
    ordered = sorted(lines, key=lambda line: (line.two_theta, line.hkl))
    spacings = d_spacings([line.hkl for line in ordered], Cell(**{name: estimate.value for name, estimate in cell.items()}))
    rows = [
        (*map(str, line.hkl), str(number), f"{d:.5f}", cif_number(line.area, 6), f"{line.two_theta:.4f}", f"{line.fwhm:.4f}")
        for line, d in zip(ordered, spacings.tolist(), strict=True)
    ]
    return cif_loop(_REFLECTION_NAMES, rows)

"""The tables of a recipe, one function each; `recipe.py` lists their keys."""

from dataclasses import replace

import numpy as np

from xrdkna.errors import RadiationError
from xrdkna.physics.lattice import CELL_NAMES
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import GEOMETRIES, Instrument
from xrdkna.simulate.recipe_records import (
    Broadening,
    CyclingPlan,
    DisplacementPlan,
    HaloRecipe,
    Optics,
    PhaseRecipe,
    ReflectionFactor,
    Segment,
    Texture,
)
from xrdkna.simulate.toml_table import Table


def read_instrument(table: Table) -> tuple[str, Instrument, Optics]:
    """The text of the radiation, the instrument, and the optics with defaults that suit them."""
    radiation_text = str(table.number("radiation")) if isinstance(table.content.get("radiation"), int | float) else table.text("radiation")
    geometry = table.text("geometry", GEOMETRIES[0])
    if geometry not in GEOMETRIES:
        raise table.error("geometry", f"is {geometry!r}", f"give one of {', '.join(GEOMETRIES)}")
    try:
        radiation = radiation_from_text(radiation_text)
    except RadiationError as error:
        raise table.error("radiation", f"is {radiation_text!r}", "give CuKa, CuKa1, MoKa … or a wavelength in ångström") from error
    if table.has("polarised"):
        radiation = replace(radiation, polarised=table.number("polarised", low=0.0, high=1.0))
    instrument = Instrument(
        radiation=radiation,
        geometry=geometry,
        radius_mm=table.number("radius_mm", 240.0, low=10.0, high=10_000.0),
        monochromator_two_theta=table.optional_number("monochromator_two_theta", low=0.0, high=170.0),
    )
    # a flat plate in a diverging tube beam has all the aberrations; a capillary in a parallel beam none but its own width
    flat, tube = geometry == "Bragg-Brentano", radiation.anode is not None
    optics = Optics(
        receiving_slit_mm=table.number("receiving_slit_mm", 0.1, low=0.0, high=50.0),
        equatorial_divergence=table.number("equatorial_divergence", 0.3 if flat and tube else 0.0, low=0.0, high=10.0),
        soller=table.number("soller", 2.3 if tube else 0.0, low=0.0, high=20.0),
        axial_length_mm=table.number("axial_length_mm", 8.0, low=0.1, high=100.0),
        absorption_per_mm=table.number("absorption_per_mm", 10.0 if flat and tube else 0.0, low=0.0),
        # Cu Kα₁ is 2.3 eV wide at 8048 eV (Hölzer et al. 1997); Si 111 passes 1.3e-4
        emission_width=table.number("emission_width", 2.9e-4 if tube else 1.3e-4, low=1e-7, high=0.01),
        zero_shift=table.number("zero_shift", 0.0, low=-5.0, high=5.0),
    )
    table.finish()
    return radiation_text, instrument, optics


def read_displacement(table: Table, *, radius_mm: float) -> DisplacementPlan:
    """[displacement]; heights beyond a tenth of the radius are refused."""
    reach = radius_mm / 10.0
    plan = DisplacementPlan(
        start_mm=table.number("start_mm", 0.0, low=-reach, high=reach),
        per_scan_mm=table.number("per_scan_mm", 0.0, low=-reach, high=reach),
        sine_mm=table.number("sine_mm", 0.0, low=-reach, high=reach),
        sine_period_scans=table.number("sine_period_scans", 10.0, low=0.1),
    )
    table.finish()
    return plan


def read_phase(table: Table) -> PhaseRecipe:
    """One [[phase]]."""
    cell, strain, texture = table.table("cell"), table.table("strain"), table.table("texture")
    phase = PhaseRecipe(
        name=table.text("name"),
        amount=table.schedule("amount", low=0.0),
        broadening=Broadening(
            size_nm=table.optional_number("size_nm", low=2.0, high=20_000.0),
            gaussian_size_nm=table.optional_number("gaussian_size_nm", low=2.0, high=20_000.0),
            microstrain=table.number("microstrain", 0.0, low=0.0, high=0.02),
            gaussian_microstrain=table.number("gaussian_microstrain", 0.0, low=0.0, high=0.02),
        ),
        cell={name: cell.number(name, low=0.5, high=1000.0) for name in CELL_NAMES if cell.has(name)},
        strain={name: strain.number(name, low=-0.2, high=0.2) for name in CELL_NAMES[:3] if strain.has(name)},
        expansion=table.schedule("expansion", 0.0, low=-0.2, high=0.2),
        offset_mm=table.number("offset_mm", 0.0, low=-50.0, high=50.0),
        texture=Texture(axis=texture.hkl("axis"), r=texture.schedule("r", low=0.01, high=100.0)) if texture.content else None,
        factors=tuple(_factor(entry) for entry in table.tables("reflection")),
    )
    for part in (cell, strain, texture, table):
        part.finish()
    if twice := set(phase.cell) & set(phase.strain):
        raise strain.error(min(twice), "is also given in cell", "give an edge in Å or as a strain, not both")
    return phase


def _factor(table: Table) -> ReflectionFactor:
    factor = ReflectionFactor(hkl=table.hkl("hkl"), factor=table.schedule("factor", low=0.0))
    table.finish()
    return factor


def read_halo(table: Table) -> HaloRecipe:
    """One [[halo]]."""
    if table.has("two_theta") == table.has("q"):
        raise table.error(
            "two_theta", "and q are both given" if table.has("q") else "and q are both missing", "give one of them as the centre"
        )
    in_q = table.has("q")
    halo = HaloRecipe(
        name=table.text("name"),
        unit="Å⁻¹" if in_q else "degree",
        centre=table.number("q", low=0.01, high=50.0) if in_q else table.number("two_theta", low=0.1, high=170.0),
        fwhm=table.number("fwhm", low=1e-3, high=170.0),
        area=table.number("area", low=0.0),
        amount=table.schedule("amount", 1.0, low=0.0),
    )
    table.finish()
    return halo


def read_cycling(table: Table) -> CyclingPlan:
    """[cycling] with its segments."""
    sign = table.text("plating_current", "negative")
    if sign not in ("negative", "positive"):
        raise table.error("plating_current", f"is {sign!r}", "give negative or positive")
    plan = CyclingPlan(
        segments=tuple(_segment(entry, plating_sign=-1 if sign == "negative" else 1) for entry in table.tables("segment")),
        plating_current=sign,
        interval=table.number("interval_s", 10.0, low=0.1),
        starts_after=table.number("starts_after_s", 0.0),
        clock_ahead=table.number("clock_ahead_s", 0.0),
    )
    table.finish()
    if not plan.segments:
        raise table.error("segment", "is missing", "add at least one [[cycling.segment]], or leave out [cycling]")
    return plan


def _segment(table: Table, *, plating_sign: int) -> Segment:
    state = table.text("state")
    signs = {"rest": 0, "plating": plating_sign, "stripping": -plating_sign}
    if state not in signs:
        raise table.error("state", f"is {state!r}", f"give one of {', '.join(signs)}")
    current = table.number("current_mA", 0.0 if state == "rest" else None)
    if np.sign(current) != signs[state]:
        wanted = {0: "zero", -1: "negative", 1: "positive"}[signs[state]]
        raise table.error(
            "current_mA", f"is {current:g} while the state is {state}", f"make it {wanted}, or change cycling.plating_current"
        )
    segment = Segment(
        state=state,
        current_mA=current,
        duration=table.number("duration_s", low=1e-3),
        # an alkali metal plates a little below 0 V against itself and strips a little above
        potential_V=table.number("potential_V", 0.08 * {"rest": 0, "plating": -1, "stripping": 1}[state]),
    )
    table.finish()
    return segment

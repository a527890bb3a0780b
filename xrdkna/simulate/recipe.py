"""Read a simulation recipe (TOML).

Only [scan] two_theta and step, one [[phase]] or [[halo]] or a background, and the radiation are needed; the rest has defaults.
A value called *schedule* is a number, or { scan = [..], value = [..] }, { seconds = [..], value = [..] } (piecewise linear;
the same place twice is a step; scan 3.5 is the middle of the fourth sweep) or { per_scan = [one number a scan] }.

    title, seed                  text; whole number (default 1): same recipe, same bytes
    [instrument]
    radiation                    "CuKa", "CuKa1", "MoKa" … or ångström, as for --radiation
    polarised                    0 … 1, default 0.5 for a tube (or a tube's wavelength), 0.95 for any other wavelength
    geometry, radius_mm          "Bragg-Brentano" (default), "Debye-Scherrer" or "transmission"; default 240
    monochromator_two_theta      degrees, of a crystal in the beam; default none
    receiving_slit_mm, equatorial_divergence, soller, axial_length_mm, absorption_per_mm, emission_width, zero_shift
                                 see `Optics`; degrees, mm, 1/mm
    [scan]
    two_theta, step              [first, last] degrees; degrees
    count, duration_s, pause_s   sweeps (default 1), seconds each takes (600), seconds of rest between them (0)
    start_time                   ISO 8601 text, default "2021-05-05T09:00:00"
    names                        one text a scan; default scan_000, scan_001 …
    [intensity]
    peak_counts or scale         counts at the top of the strongest hardware line in the first scan (without hardware: of the
                                 strongest line of any scan), or counts·degrees for unit amount; default peak_counts = 5000
    tube                         schedule: factor on all counts, default 1
    [background]
    constant, air_scatter        counts; counts at 10°, falling as 1/2θ
    [displacement]
    start_mm, per_scan_mm, sine_mm, sine_period_scans      height of the mesh; > 0 moves lines to lower angles
    [[halo]]
    name, fwhm, area, amount     fwhm in the unit of the centre; area in counts·degrees; amount a schedule, default 1
    two_theta or q               centre, degrees or Å⁻¹
    [[phase]]
    name, amount                 as in the library; relative weight, a schedule
    cell, strain                 tables by edge: a = 4.05 (Å), a = 0.001 (relative)
    expansion                    schedule: relative change of all edges
    size_nm, gaussian_size_nm, microstrain, gaussian_microstrain       see `Broadening`
    offset_mm                    height relative to the mesh
    texture                      table: axis = [h, k, l], r = schedule (March–Dollase)
    [[phase.reflection]]
    hkl, factor                  a family of reflections and a schedule that multiplies its intensity
    [cycling]
    plating_current              "negative" (default) or "positive"
    interval_s, starts_after_s, clock_ahead_s              see `CyclingPlan`
    [[cycling.segment]]
    state, current_mA, duration_s, potential_V             "rest", "plating", "stripping"; mA; s; V, default by state
"""

import hashlib
import tomllib
from datetime import datetime
from pathlib import Path

import numpy as np

from xrdkna.errors import RecipeError
from xrdkna.records.arrays import FloatArray
from xrdkna.simulate.recipe_parts import read_cycling, read_displacement, read_halo, read_instrument, read_phase
from xrdkna.simulate.recipe_records import Recipe
from xrdkna.simulate.schedule import Timing
from xrdkna.simulate.toml_table import Table

MOST_POINTS = 2_000_000
MOST_SCANS = 10_000


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file. Raises RecipeError, one sentence: file, key, what is wrong, what to do."""
    content, digest = _load(path)
    top = Table(path, "", content)
    scan = top.table("scan")
    timing = Timing(
        count=scan.integer("count", 1, low=1, high=MOST_SCANS),
        duration=scan.number("duration_s", 600.0, low=1e-3),
        pause=scan.number("pause_s", 0.0, low=0.0),
    )
    top = Table(path, "", content, scans=timing.count)
    top.table("scan")
    radiation, instrument, optics = read_instrument(top.table("instrument"))
    two_theta = _angles(scan)
    start_time, names = _start_time(scan), _names(scan, timing.count)
    scan.finish()
    intensity, background = top.table("intensity"), top.table("background")
    if intensity.has("scale") and intensity.has("peak_counts"):
        raise intensity.error("scale", "contradicts intensity.peak_counts", "give one of the two")
    recipe = Recipe(
        title=top.text("title", path.name),
        seed=top.integer("seed", 1, low=0, high=2**63 - 1),
        radiation=radiation,
        instrument=instrument,
        optics=optics,
        two_theta=two_theta,
        timing=timing,
        start_time=start_time,
        names=names,
        scale=intensity.optional_number("scale", low=1e-12),
        peak_counts=None if intensity.has("scale") else intensity.number("peak_counts", 5000.0, low=1e-6, high=1e12),
        tube=intensity.schedule("tube", 1.0, low=0.0),
        background=background.number("constant", 0.0, low=0.0),
        air_scatter=background.number("air_scatter", 0.0, low=0.0),
        displacement=read_displacement(top.table("displacement"), radius_mm=instrument.radius_mm or 0.0),
        phases=tuple(read_phase(table) for table in top.tables("phase")),
        halos=tuple(read_halo(table) for table in top.tables("halo")),
        cycling=read_cycling(top.table("cycling")) if top.has("cycling") else None,
        digest=digest,
    )
    for table in (intensity, background, top):
        table.finish()
    _check_whole(top, recipe)
    return recipe


def _load(path: Path) -> tuple[dict[str, object], str]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"{path} cannot be read ({error.strerror}); give the path of a recipe in TOML.") from error
    try:
        return tomllib.loads(raw.decode("utf-8-sig")), hashlib.sha256(raw).hexdigest()
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path.name} is not TOML ({error}); correct it there.") from error


def _angles(table: Table) -> FloatArray:
    first, last = table.numbers("two_theta", length=2)
    step = table.number("step", low=1e-4, high=1.0)
    if not 0.5 <= first < last <= 170.0:
        raise table.error("two_theta", f"runs from {first:g} to {last:g}", "give [first, last] in degrees, rising, between 0.5 and 170")
    points = round((last - first) / step) + 1
    if not 2 <= points <= MOST_POINTS:
        raise table.error("step", f"of {step:g} gives {points} points", f"choose it so that a scan has 2 to {MOST_POINTS} points")
    angles = np.round(first + step * np.arange(points), 9)
    angles.setflags(write=False)
    return angles


def _start_time(table: Table) -> datetime:
    text = table.text("start_time", "2021-05-05T09:00:00")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise table.error("start_time", f"is {text!r}", 'write it in ISO 8601, as "2021-05-05T09:00:00"') from error


def _names(table: Table, count: int) -> tuple[str, ...]:
    if not table.has("names"):
        return tuple(f"scan_{i:03d}" for i in range(count))
    names = table.texts("names")
    if len(names) != count or len(set(names)) != count:
        raise table.error("names", f"holds {len(set(names))} different names for {count} scans", "give each scan its own name")
    for name in names:
        if name != Path(name).name or name.startswith(".") or "," in name or "\\" in name:
            raise table.error("names", f"holds {name!r}", "use names that can be file names, without slash or comma")
    return names


def _check_whole(top: Table, recipe: Recipe) -> None:
    names = [phase.name for phase in recipe.phases]
    if len(set(names)) != len(names):
        raise top.error("phase", f"names {', '.join(sorted({n for n in names if names.count(n) > 1}))} twice", "give each phase once")
    if not (recipe.phases or recipe.halos or recipe.background or recipe.air_scatter):
        raise top.error("phase", "is missing, and so are halo and background", "add something that scatters")

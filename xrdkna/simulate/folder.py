"""A simulated series as a folder: scans.csv, scans, series.toml, echem.csv and truth.json."""

import json
from datetime import timedelta
from pathlib import Path

from xrdkna.errors import RecipeError
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling
from xrdkna.simulate.recipe_records import Recipe
from xrdkna.simulate.simulated import SimulatedSeries


def write_series(simulated: SimulatedSeries, folder: Path) -> None:
    """Write the series into a folder that is new or empty; the same series gives the same bytes.

    Raises RecipeError when the folder holds anything, or cannot be written to.
    """
    recipe = simulated.recipe
    files = {f"{scan.name}.xy": _scan_text(scan) for scan in simulated.scans}
    files["scans.csv"] = _scans_text(simulated.scans)
    files["series.toml"] = _setup_text(recipe)
    if simulated.cycling is not None:
        files["echem.csv"] = _cycling_text(simulated.cycling)
    files["truth.json"] = json.dumps(dict(simulated.truth), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise RecipeError(f"{folder} is not empty; give a new folder, or empty this one.")
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise RecipeError(f"{folder} cannot be written to ({error.strerror}); give a folder that can.") from error


def _scan_text(scan: Scan) -> str:
    return "".join(f"{angle:.9g} {counts:.0f}\n" for angle, counts in zip(scan.two_theta.tolist(), scan.intensity.tolist(), strict=True))


def _scans_text(scans: tuple[Scan, ...]) -> str:
    rows = [f"{scan.name}.xy,{_moment(scan.start_time)},{_moment(scan.end_time)}\n" for scan in scans]
    return "file,start_time,end_time\n" + "".join(rows)


def _setup_text(recipe: Recipe) -> str:
    instrument = recipe.instrument
    single = len(instrument.radiation.lines) == 1 and instrument.radiation.anode is None
    radiation = f"wavelength = {instrument.radiation.wavelength!r}" if single else f"name = {json.dumps(recipe.radiation)}"
    text = f'[radiation]\n{radiation}\n\n[geometry]\ntype = "{instrument.geometry}"\nradius_mm = {instrument.radius_mm:g}\n'
    return text + (f'\n[cell]\nplating_current = "{recipe.cycling.plating_current}"\n' if recipe.cycling is not None else "")


def _cycling_text(cycling: Cycling) -> str:
    potential = cycling.potential if cycling.potential is not None else [0.0] * cycling.time.size
    rows = [
        f"{_moment(cycling.start + timedelta(seconds=round(float(t), 3)))},{current:g},{volt:g}\n"
        for t, current, volt in zip(cycling.time, cycling.current, potential, strict=True)
    ]
    return "time,current_mA,potential_V\n" + "".join(rows)


def _moment(moment: object) -> str:
    return moment.isoformat() if hasattr(moment, "isoformat") else ""

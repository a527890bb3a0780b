"""Series of five phases and 3501 points in files, for the speed of `xrdkna track`: `plating` as the paper's cell, `nothing` at rest."""

from pathlib import Path

PHASES = ("Al", "Al2O3", "K", "KNa2", "K2CO3")
MINUTES_A_SCAN = 15

HEAD = """\
title = "speed"
seed = {seed}
[instrument]
radiation = "CuKa"
geometry = "Bragg-Brentano"
radius_mm = 240
[scan]
two_theta = [10, 80]
step = 0.02
count = {scans}
duration_s = 840
pause_s = 60
start_time = "2021-05-05T09:00:00"
[intensity]
peak_counts = 5000
[background]
constant = 80
air_scatter = 150
[displacement]
start_mm = 0.05
per_scan_mm = {drift:.6f}
sine_mm = 0.006
sine_period_scans = 9
[[halo]]
name = "electrolyte"
two_theta = 21.5
fwhm = 10.0
area = 1300
[[phase]]
name = "Al"
amount = 1.0
size_nm = 120
microstrain = 0.0004
[[phase.reflection]]
hkl = [2, 0, 0]
factor = 1.3
[[phase]]
name = "Al2O3"
amount = 1.2
size_nm = 150
microstrain = 0.0002
[[phase.reflection]]
hkl = [0, 1, 2]
factor = 1.2
"""
PLATING = """\
[[phase]]
name = "K2CO3"
amount = {{ seconds = [{air:.0f}, {end:.0f}], value = [0, 0.25] }}
size_nm = 60
[[phase]]
name = "K"
amount = {{ seconds = [{on:.0f}, {on:.0f}.5, {off:.0f}], value = [0, 0.008, 0.03] }}
size_nm = 80
offset_mm = -0.06
[[phase]]
name = "KNa2"
amount = {{ seconds = [{on:.0f}, {on:.0f}.5, {off:.0f}, {off:.0f}.5], value = [0, 0.14, 0.45, 0.135] }}
size_nm = 60
microstrain = 0.0006
offset_mm = -0.06
[[phase.reflection]]
hkl = [1, 0, 3]
factor = {{ seconds = [{off:.0f}, {off:.0f}.5], value = [1, 0] }}
[cycling]
plating_current = "negative"
interval_s = 30
[[cycling.segment]]
state = "rest"
duration_s = {on:.0f}
[[cycling.segment]]
state = "plating"
current_mA = -0.5
duration_s = {length:.0f}
[[cycling.segment]]
state = "rest"
duration_s = {rest:.0f}
"""
SERIES = {"plating": HEAD + PLATING, "nothing": HEAD}


def write_series(kind: str, folder: Path, *, scans: int, seed: int) -> None:
    """The folder of a series. Rest for a fifth of it, plating to three quarters, then rest; carbonate grows from the middle on."""
    from xrdkna.edge.cli import run

    end = scans * MINUTES_A_SCAN * 60.0
    on, off = round(0.2 * end), round(0.75 * end)
    recipe = folder.with_suffix(".toml")
    text = SERIES[kind].format(
        seed=seed, scans=scans, drift=0.06 / scans, air=0.5 * end, on=on, off=off, end=end, length=off - on, rest=end - off
    )
    recipe.write_text(text, encoding="utf-8")
    if status := run(["simulate", str(recipe), str(folder)]):
        raise SystemExit(f"xrdkna simulate ended with status {status}.")

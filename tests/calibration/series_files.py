"""A planted series as the folder a user would have: scans.csv, one file a scan, series.toml, echem.csv."""

from datetime import timedelta
from pathlib import Path

from series_plant import Planted

from xrdkna.errors import DataError


def write_folder(planted: Planted, folder: Path) -> None:
    """Write the series; a scan that cannot be read becomes a file that cannot be read."""
    series = planted.series
    folder.mkdir(parents=True)
    rows = ["file,start_time,end_time"]
    for entry in series.entries:
        rows.append(f"{entry.name}.xy,{entry.start.isoformat()},{entry.end.isoformat()}")
        (folder / f"{entry.name}.xy").write_text(_scan_text(entry), encoding="utf-8")
    (folder / "scans.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    setup = f'[radiation]\nname = "{series.setup.radiation}"\n\n[geometry]\ntype = "{series.setup.geometry}"\n'
    (folder / "series.toml").write_text(setup + f"radius_mm = {series.setup.radius_mm:g}\n", encoding="utf-8")
    if series.cycling is not None:
        record = series.cycling
        lines = [
            f"{(record.start + timedelta(seconds=float(t))).isoformat()},{i:g},0" for t, i in zip(record.time, record.current, strict=True)
        ]
        (folder / "echem.csv").write_text("\n".join(["time,current_mA,potential_V", *lines]) + "\n", encoding="utf-8")


def _scan_text(entry) -> str:
    try:
        scan = entry.load()
    except DataError:
        return "10.00 12\n10.02 eleven\n"
    return "".join(f"{x:.9g} {y:.0f}\n" for x, y in zip(scan.two_theta.tolist(), scan.intensity.tolist(), strict=True))

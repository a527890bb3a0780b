"""A series and what became of it as one NeXus file (NXazint1d): the door to h5py for writing.

/entry/data        NXdata: I and I_errors over time and 2θ; scans of another grid stand in data_2 and so on, nothing is interpolated.
                   I_errors is NaN where only ratios of uncertainties are known
/entry/sample/cell NXenvironment with the cycler's current, potential and charge as NXlog
/entry/reduction   NXprocess: program, version, what the scans' files were
/entry/results     NXprocess with one NXdata a trajectory, over the same time; NaN where a scan gave no value

Scans are read one at a time, so that a series of any length is written. No clock is read: the same series gives the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from xrdkna.errors import DataError, UsageError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling, Series
from xrdkna.records.track import Track, Trajectory
from xrdkna.report.output import written_whole
from xrdkna.report.values import line_name

# Rows that are compressed together: a reader of one scan unpacks no more than this.
_ROWS_A_CHUNK = 1
_DEFLATE = 4


@dataclass(slots=True)
class _Grid:
    """The scans of one grid: their place in the file, and how many there are by now."""

    group: Any
    rows: int = 0


def write_series_nexus(series: Series, track: Track | None, path: str | Path) -> None:
    """Write the series, and its trajectories where it was followed. Scans that cannot be read are named in the file and left out.

    Raises UsageError when the file cannot be written, or not one scan can be read.
    """
    import h5py

    with written_whole(Path(path)) as place, h5py.File(place, "w", libver=("earliest", "v110")) as file:
        file.attrs.update(NX_class="NXroot", default="entry", creator=f"xrdkna {version('xrdkna')}")
        entry = _group(file, "entry", "NXentry", default="data")
        entry["title"], entry["definition"] = series.name, "NXazint1d"
        sources, left_out, first = _write_scans(entry, series)
        if first is None:
            raise UsageError(f"the series {series.name} holds no scan that can be read; there is nothing to write to {path}.")
        _write_times(entry, series)
        _write_instrument(entry, first)
        sample = _group(entry, "sample", "NXsample")
        sample["name"] = first.sample or series.name
        if series.cycling is not None:
            _write_cell(sample, series.cycling)
        _write_reduction(entry, sources, left_out)
        if track is not None:
            _write_results(entry, track)


def _write_scans(entry: Any, series: Series) -> tuple[list[str], list[str], Scan | None]:
    """The scans' data by grid. Gives the scans' files, why others are missing, and the first scan."""
    grids: dict[bytes, _Grid] = {}
    sources, left_out, first = [], [], None
    origin = series.entries[0].start if series.axis == "time" and series.entries else None
    for item in series.entries:
        try:
            scan = item.load()
        except DataError as problem:
            left_out.append(f"{item.name}: {problem}")
            continue
        first = first or scan
        sources.append(Path(scan.source).name)
        key = scan.two_theta.tobytes()
        if key not in grids:
            name = "data" if not grids else f"data_{len(grids) + 1}"
            grids[key] = _Grid(_new_grid(entry, name, scan, timed=origin is not None))
        seconds = (item.start - origin).total_seconds() if origin is not None and item.start is not None else None
        _append(grids[key], item.index, scan, seconds)
    return sources, left_out, first


def _new_grid(entry: Any, name: str, scan: Scan, *, timed: bool) -> Any:
    import h5py

    n = len(scan.two_theta)
    group = _group(entry, name, "NXdata", signal="I", interpretation="spectrum")
    group.attrs["axes"] = np.array(["time" if timed else ".", "radial_axis"], dtype=h5py.string_dtype())
    axis = group.create_dataset("radial_axis", data=scan.two_theta)
    axis.attrs.update(units="degree", long_name="2theta")
    for values in ("I", "I_errors"):
        stack = group.create_dataset(
            values, shape=(0, n), maxshape=(None, n), chunks=(_ROWS_A_CHUNK, n), dtype="f8", compression=_DEFLATE, shuffle=True
        )
        stack.attrs["units"] = "counts"
    _column(group, "scan_index", "i8")
    _column(group, "scan_name", h5py.string_dtype())
    _column(group, "sigma_source", h5py.string_dtype())
    _column(group, "count_time", "f8", units="s")
    if timed:
        _column(group, "time", "f8", units="s")
    return group


def _append(grid: _Grid, index: int, scan: Scan, seconds: float | None) -> None:
    values = {
        "I": scan.intensity,
        # An uncertainty on no known scale would be taken for one that was measured.
        "I_errors": np.full_like(scan.sigma, np.nan) if scan.sigma_source == "relative" else scan.sigma,
        "scan_index": index,
        "scan_name": scan.name,
        "sigma_source": scan.sigma_source,
        "count_time": np.nan if scan.count_time is None else scan.count_time,
        "time": seconds,
    }
    for name, value in values.items():
        if name in grid.group and value is not None:
            grid.group[name].resize(grid.rows + 1, axis=0)
            grid.group[name][grid.rows] = value
    grid.rows += 1


def _write_times(entry: Any, series: Series) -> None:
    starts = [item.start for item in series.entries if item.start is not None]
    ends = [item.end for item in series.entries if item.end is not None]
    for name, moments in (("start_time", starts[:1]), ("end_time", ends[-1:])):
        if moments:
            entry[name] = moments[0].isoformat()


def _write_instrument(entry: Any, scan: Scan) -> None:
    instrument = _group(entry, "instrument", "NXinstrument")
    instrument["name"] = scan.details.get("instrument") or "diffractometer"
    source = _group(instrument, "source", "NXsource")
    source["probe"] = "x-ray"
    if scan.geometry is not None:
        entry["geometry"] = scan.geometry
    if scan.radius_mm is not None:
        detector = _group(instrument, "detector", "NXdetector")
        _number(detector, "distance", scan.radius_mm, "mm")
    if scan.radiation is not None:
        _write_radiation(instrument, source, scan.radiation)


def _write_radiation(instrument: Any, source: Any, radiation: Radiation) -> None:
    source["type"] = "Fixed Tube X-ray" if radiation.anode is not None else "Synchrotron X-ray Source"
    mono = _group(instrument, "monochromator", "NXmonochromator")
    _number(mono, "wavelength", radiation.wavelength, "angstrom")
    if radiation.anode is None:
        return
    source["xray_tube_material"] = radiation.anode
    _number(source, "k_alpha_one", radiation.lines[0].wavelength, "angstrom")
    if len(radiation.lines) > 1:
        _number(source, "k_alpha_two", radiation.lines[1].wavelength, "angstrom")
        _number(source, "ratio_k_alphatwo_k_alphaone", radiation.lines[1].weight / radiation.lines[0].weight, "")


def _write_cell(sample: Any, cycling: Cycling) -> None:
    cell = _group(sample, "cell", "NXenvironment")
    cell["name"], cell["description"] = "electrochemical cell", f"record of the cycler: {Path(cycling.source).name}"
    for name, values, unit in (
        ("current", cycling.current, "mA"),
        ("potential", cycling.potential, "V"),
        ("charge", cycling.charge, "mAh"),
    ):
        if values is not None:
            _write_log(cell, name, cycling.start, cycling.time, values, unit)


def _write_log(parent: Any, name: str, start: datetime, seconds: FloatArray, values: FloatArray, unit: str) -> None:
    log = _group(parent, name, "NXlog")
    log.create_dataset("value", data=values).attrs["units"] = unit
    log.create_dataset("time", data=seconds).attrs.update(units="s", start=start.isoformat())


def _write_reduction(entry: Any, sources: list[str], left_out: list[str]) -> None:
    import h5py

    process = _group(entry, "reduction", "NXprocess")
    process["program"], process["version"], process["sequence_index"] = "xrdkna", version("xrdkna"), 1
    for name, lines in (("source_files", list(dict.fromkeys(sources))), ("scans_left_out", left_out)):
        if lines:
            process.create_dataset(name, data=np.array(lines, dtype=object), dtype=h5py.string_dtype())


def _write_results(entry: Any, track: Track) -> None:
    process = _group(entry, "results", "NXprocess")
    process["program"], process["version"], process["sequence_index"] = "xrdkna track", version("xrdkna"), 2
    begins = np.array([scan.start for scan in track.scans], dtype=np.float64)
    unit = "s" if track.axis == "time" else ""
    for name, trajectory in _named(track.trajectories):
        data = _group(process, name, "NXdata", signal="value", axes="time", title=name)
        values = data.create_dataset("value", data=_numbers(trajectory.value))
        values.attrs.update(units=trajectory.unit, long_name=name)
        data.create_dataset("value_errors", data=_numbers(trajectory.esd)).attrs["units"] = trajectory.unit
        data.create_dataset("time", data=begins).attrs["units"] = unit


def _named(trajectories: tuple[Trajectory, ...]) -> Iterator[tuple[str, Trajectory]]:
    """Every trajectory under a name of its own that NeXus allows."""
    taken: set[str] = set()
    for trajectory in trajectories:
        words = f"{trajectory.quantity} {line_name(trajectory.phase, trajectory.hkl)}"
        plain = "_".join("".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else " " for sign in words).split())
        name = next(name for i in range(len(trajectories) + 1) if (name := plain if not i else f"{plain}_{i + 1}") not in taken)
        taken.add(name)
        yield name, trajectory


def _numbers(values: tuple[float | None, ...]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _group(parent: Any, name: str, kind: str, **attributes: str) -> Any:
    group = parent.create_group(name)
    group.attrs.update(NX_class=kind, **attributes)
    return group


def _number(parent: Any, name: str, value: float, unit: str) -> None:
    parent.create_dataset(name, data=float(value)).attrs["units"] = unit


def _column(group: Any, name: str, kind: Any, *, units: str = "") -> None:
    column = group.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(1024,), dtype=kind)
    if units:
        column.attrs["units"] = units

"""The fits of a series as JSON, CSV and a summary: one row a scan."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from xrdkna.records.peaks import Halo
from xrdkna.records.series_fit import LeftOut, ScanFit
from xrdkna.records.values import Estimate
from xrdkna.report.document_parts import PLAIN_DIGITS, Json, estimate_json, halos_json
from xrdkna.report.plain import paragraph, table
from xrdkna.report.table import Cell, write_table
from xrdkna.report.values import ESD_DIGITS, counted, iso_time, listed, number, percent, rounded_to_esd, with_esd

SERIES_FIT_SCHEMA = "xrdkna.refine-series/1"
# A terminal shows this many scans before the reader scrolls; CSV and JSON hold all.
_ROWS_SHOWN = 40
# Coefficients that say nothing one by one; the JSON and the CSV leave them out, as no trend is read off them.
_DETAILS = ("background_", "texture_")

Scans = Sequence[ScanFit | LeftOut]


def series_fit_document(name: str, scans: Scans) -> Json:
    """The answer of `refine` for a series: of each scan its agreement, verdict, weights and refined parameters."""
    return {"schema": SERIES_FIT_SCHEMA, "series": name, "scans": [_scan_json(scan) for scan in scans]}


def write_series_fit_csv(scans: Scans, target: str | Path) -> None:
    """One row a scan; a scan that was left out has its reason and no numbers. Raises UsageError when the file cannot be written."""
    fits = [scan for scan in scans if isinstance(scan, ScanFit)]
    phases = fits[0].phases if fits else ()
    kept = _refined_somewhere(fits)
    header = ["name", "start_time", "verdict", "quarantined", "retried", "rwp", "rexp", "gof", "esd_inflation"]
    for phase in phases:
        header += [f"weight_fraction {phase}", f"weight_fraction {phase} esd", f"detection_limit {phase}", f"significance {phase} [sigma]"]
    halos = _halo_names(fits)
    for halo in halos:
        header += [f"halo_area {halo} [counts·°]", f"halo_area {halo} esd [counts·°]"]
    for name, unit in kept.items():
        bracket = f" [{unit}]" if unit else ""
        header += [f"{name}{bracket}", f"{name} esd{bracket}"]
    write_table(target, [*header, "why_not"], (_row(scan, halos, tuple(kept), len(header) - 1) for scan in scans))


def series_fit_summary(name: str, scans: Scans) -> str:
    """What came of the series, and a row a scan."""
    fits = [scan for scan in scans if isinstance(scan, ScanFit)]
    left_out = [scan for scan in scans if isinstance(scan, LeftOut)]
    words = Counter(fit.verdict for fit in fits)
    said = "".join(f", {count} {verdict}" for verdict, count in words.items())
    sentences = [f"{name}: {counted(len(fits), 'scan')} fitted{said}."]
    if quarantined := [fit.name for fit in fits if fit.quarantined]:
        sentences.append(f"Not to be believed, and no other fit started from them: {listed(quarantined)}.")
    sentences += [f"{scan.name} is left out: {scan.why.rstrip('.')}." for scan in left_out[:_ROWS_SHOWN]]
    parts = [paragraph(" ".join(sentences))]
    if fits:
        halos = _halo_names(fits)
        header = ("scan", "verdict", "Rwp", "GoF", *fits[0].phases, *halos)
        rows = [_summary_row(fit, halos) for fit in fits[:_ROWS_SHOWN]]
        parts.append(table(header, rows, right="ll" + "r" * (len(header) - 2)))
    if len(fits) > _ROWS_SHOWN:
        parts.append(f"… and {counted(len(fits) - _ROWS_SHOWN, 'scan')} more; --csv FILE writes all.")
    return "\n\n".join(parts)


def _summary_row(fit: ScanFit, halos: Sequence[str]) -> list[str]:
    areas = _halo_areas(fit)
    shown = [*(percent(weight) for weight in _weights(fit)), *(with_esd(areas.get(halo)) for halo in halos)]
    return [fit.name, fit.verdict, f"{100 * fit.rwp:.2f} %", f"{fit.gof:.2f}", *shown]


def _weights(fit: ScanFit) -> list[Estimate]:
    pairs = zip(fit.weight_fractions.tolist(), fit.weight_esds.tolist(), strict=True)
    return [Estimate(value=value, esd=esd, unit="") for value, esd in pairs]


def _refined_somewhere(fits: Sequence[ScanFit]) -> dict[str, str]:
    """Names and units of the telling parameters that at least one scan refined."""
    found: dict[str, str] = {}
    for fit in fits:
        for name, unit, esd in zip(fit.names, fit.units, fit.esds.tolist(), strict=True):
            if esd > 0.0 and _telling(name):
                found.setdefault(name, unit)
    return found


def _halo_names(fits: Sequence[ScanFit]) -> tuple[str, ...]:
    """The humps that at least one scan has, in the order of the fits."""
    return tuple(dict.fromkeys(name for fit in fits for name, _ in fit.halos))


def _halo_areas(scan: ScanFit) -> dict[str, Estimate]:
    return {name: scan.estimate(f"{label}_area") for name, label in scan.halos}


def _halos_json(scan: ScanFit) -> list[Json]:
    halos = []
    for name, label in scan.halos:
        place, fwhm, area = (scan.estimate(f"{label}_{part}") for part in ("center", "fwhm", "area"))
        halos.append(Halo(two_theta=place, fwhm=fwhm, area=area, snr=area.value / area.esd if area.esd else 0.0, name=name))
    return halos_json(halos, wavelength=scan.wavelength)


def _telling(name: str) -> bool:
    return not name.startswith(_DETAILS)


def _scan_json(scan: ScanFit | LeftOut) -> Json:
    if isinstance(scan, LeftOut):
        return {"name": scan.name, "used": False, "why_not": scan.why}
    limits, sigmas = scan.detection_limits.tolist(), scan.significances.tolist()
    phases = [
        {
            "phase": phase,
            "weight_fraction": estimate_json(weight),
            "detection_limit": estimate_json(Estimate(value=limit, esd=None, unit="")),
            "significance": number(sigma, PLAIN_DIGITS),
        }
        for phase, weight, limit, sigma in zip(scan.phases, _weights(scan), limits, sigmas, strict=True)
    ]
    refined = [name for name, esd in zip(scan.names, scan.esds.tolist(), strict=True) if esd > 0.0 and _telling(name)]
    return {
        "name": scan.name,
        "start": iso_time(scan.start_time),
        "used": True,
        "why_not": None,
        "verdict": scan.verdict,
        "reasons": list(scan.reasons),
        "quarantined": scan.quarantined,
        "retried": scan.retried,
        "agreement": {
            "rwp": number(scan.rwp, PLAIN_DIGITS),
            "rexp": number(scan.rexp, PLAIN_DIGITS),
            "gof": number(scan.gof, PLAIN_DIGITS),
            "esd_inflation": number(scan.inflation, PLAIN_DIGITS),
        },
        "phases": phases,
        "halos": _halos_json(scan),
        "parameters": [{"name": name, "value": estimate_json(scan.estimate(name))} for name in refined],
    }


def _row(scan: ScanFit | LeftOut, halos: Sequence[str], names: Sequence[str], empty: int) -> list[Cell]:
    if isinstance(scan, LeftOut):
        return [scan.name, *([None] * empty), scan.why]
    return [*_cells(scan, halos, names), None]


def _cells(scan: ScanFit, halos: Sequence[str], names: Sequence[str]) -> Iterator[Cell]:
    yield from (scan.name, iso_time(scan.start_time), scan.verdict, str(scan.quarantined).lower(), str(scan.retried).lower())
    yield from (number(value, PLAIN_DIGITS) for value in (scan.rwp, scan.rexp, scan.gof, scan.inflation))
    numbers = zip(_weights(scan), scan.detection_limits.tolist(), scan.significances.tolist(), strict=True)
    for weight, limit, sigma in numbers:
        yield from (*_pair(weight), number(limit), number(sigma, PLAIN_DIGITS))
    areas = _halo_areas(scan)
    for halo in halos:
        yield from _pair(areas[halo]) if halo in areas else (None, None)
    own = set(scan.names)
    for name in names:
        yield from _pair(scan.estimate(name)) if name in own else (None, None)


def _pair(estimate: Estimate) -> tuple[Cell, Cell]:
    esd = number(estimate.esd, ESD_DIGITS) if estimate.esd else None
    return rounded_to_esd(estimate.value, esd), esd

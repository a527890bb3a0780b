"""What Rigaku's files say around their numbers, by the keys of the .ras header; .rasx holds the same under other names."""

from collections.abc import Mapping

from xrdkna.read.measured import Measured, usable_time
from xrdkna.read.tidy import number_or_none
from xrdkna.read.times import parse_time
from xrdkna.read.tube import kept_alpha2, tube_of
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.values import Notice

_TWO_THETA = ("2theta", "twotheta", "twothetatheta", "twothetaomega", "2theta/theta", "2theta/omega", "thetatwotheta", "omegatwotheta")
_COUPLED = ("twothetatheta", "twothetaomega", "2theta/theta", "2theta/omega", "thetatwotheta", "omegatwotheta")
# Crystals in the incident beam that part Kα₁ from Kα₂, as the optics are named.
_PERFECT = ("ge(", "ge_", "si(", "johansson")


def measured_of(head: Mapping[str, str], rows: FloatArray) -> Measured | str:
    """One Rigaku scan from its header and its rows (n, 2 or 3: angle, intensity, factor of the absorber); a string says why it is none."""
    axis = head.get("MEAS_SCAN_AXIS_X", "")
    if axis and axis.lower().replace("_", "").replace(" ", "") not in _TWO_THETA:
        return f"its axis is {axis}, not 2θ"
    unit_x = head.get("MEAS_SCAN_UNIT_X", "deg").lower()
    if unit_x not in ("", "deg", "degree", "degrees"):
        return f"its axis is in {unit_x}, not in degrees"
    radiation, notices = _radiation(head)
    return Measured(
        two_theta=rows[:, 0],
        intensity=rows[:, 1],
        per_second=head.get("MEAS_SCAN_UNIT_Y", "").lower() in ("cps", "counts/s", "counts/sec", "counts per second"),
        attenuation=rows[:, 2] if rows.shape[1] > 2 else None,
        count_time=_count_time(head, rows),
        radiation=radiation,
        geometry=_geometry(head, axis),
        radius_mm=number_or_none(head.get("RADIUS", "")),
        start_time=parse_time(_american(head.get("MEAS_SCAN_START_TIME", ""))),
        end_time=parse_time(_american(head.get("MEAS_SCAN_END_TIME", ""))),
        status=_status(head, rows),
        details=_details(head, axis),
        notices=notices,
    )


def _radiation(head: Mapping[str, str]) -> tuple[Radiation | None, tuple[Notice, ...]]:
    """The tube's lines. Where Kα₁ alone is chosen, Kα₂ is taken away only if a perfect crystal is named among the optics."""
    alpha1, alpha2 = (number_or_none(head.get(f"HW_XG_WAVE_LENGTH_ALPHA{line}", "")) for line in (1, 2))
    anode = head.get("HW_XG_TARGET_NAME", "")
    # A header without Kα₂ is short, not monochromatic: the tube emits it all the same.
    both = tube_of(alpha1 if alpha2 is not None else None, alpha2, anode=anode) or tube_of(alpha1)
    if head.get("MEAS_COND_XG_WAVE_TYPE", "").lower() != "ka1":
        return both, ()
    optics = " ".join(value for key, value in head.items() if key.startswith(("HW_I_", "MEAS_COND_OPT"))).lower()
    if any(crystal in optics for crystal in _PERFECT):
        return tube_of(alpha1, anode=anode), ()
    return both, (kept_alpha2(anode),)


def _count_time(head: Mapping[str, str], rows: FloatArray) -> float | None:
    """Seconds a point: of a continuous scan the step over the speed, of a step scan what stands in the place of the speed."""
    speed, step = number_or_none(head.get("MEAS_SCAN_SPEED", "")), number_or_none(head.get("MEAS_SCAN_STEP", ""))
    unit = head.get("MEAS_SCAN_SPEED_UNIT", "").lower()
    if speed is None or speed <= 0:
        return None
    if unit in ("sec", "s", "sec/step", "sec.", "second"):
        return usable_time(speed)
    if unit in ("", "deg/min", "degree/min", "deg./min.", "deg./min") and step is not None:
        return usable_time(60.0 * abs(step) / speed)
    return None


def _geometry(head: Mapping[str, str], axis: str) -> str | None:
    """The optics say BB (or DB: divergent beam); a parallel beam or a 2θ scan alone does not focus."""
    optics = f"{head.get('MEAS_COND_OPT_ATTR', '')} {head.get('MEAS_COND_OPT_NAME', '')} {head.get('FILE_PART_ID', '')}".lower()
    coupled = axis.lower() in _COUPLED
    return (
        "Bragg-Brentano" if coupled and any(word in optics.replace("(", " ").replace(")", " ").split() for word in ("bb", "db")) else None
    )


def _status(head: Mapping[str, str], rows: FloatArray) -> str:
    """ "stopped …" where the header foretells more points than there are."""
    planned = number_or_none(head.get("MEAS_DATA_COUNT", ""))
    start, stop, step = (number_or_none(head.get(f"MEAS_SCAN_{word}", "")) for word in ("START", "STOP", "STEP"))
    if start is not None and stop is not None and step:
        planned = max(planned or 0.0, abs(stop - start) / abs(step) + 1.0)
    if planned is None or planned - len(rows) < 2.0:
        return ""
    return f"stopped after {len(rows)} of {planned:.0f} points"


def _american(text: str) -> str:
    """Month first, as Rigaku writes it, into a form that can be read one way."""
    parts = text.split(" ", 1)
    date = parts[0].split("/")
    if len(parts) == 2 and len(date) == 3 and len(date[2]) == 4:
        return f"{date[2]}/{date[0]}/{date[1]} {parts[1]}"
    return text


def _details(head: Mapping[str, str], axis: str) -> dict[str, str]:
    return {
        "sample": head.get("FILE_SAMPLE", ""),
        "comment": head.get("FILE_COMMENT", ""),
        "operator": head.get("FILE_OPERATOR", ""),
        "instrument": head.get("FILE_SYSTEM_NAME", ""),
        "scan axis": axis,
        "anode": head.get("HW_XG_TARGET_NAME", ""),
        "detector": head.get("HW_COUNTER_SELECT_NAME", ""),
        "attachment": head.get("HW_ATTACHMENT_NAME", ""),
        "optics": head.get("MEAS_COND_OPT_ATTR", ""),
        "temperature": head.get("TEMPERATURE", ""),
    }

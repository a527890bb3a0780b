"""What the refinement of a standard says of the machine."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime

from xrdkna.errors import DeclinedError
from xrdkna.pipeline.settings import Machine
from xrdkna.records.index import Index
from xrdkna.records.instrument import InstrumentProfile, Radiation
from xrdkna.records.refinement import Refinement
from xrdkna.refine.forward.layout import tag


def instrument_from_standard(fitted: Index) -> tuple[InstrumentProfile, Machine]:
    """The machine's line shape and beam, from the fit of a standard.

    The standard's own size and strain broadening count as the machine's: x and y are the shared widths and those of the
    phase with the largest share of the pattern. Widths of the phase that the user held or tied are taken as known of the
    standard, and stay its own. Raises DeclinedError where the fit is none to build on.
    """
    refinement, instrument = fitted.refinement, fitted.scan.instrument
    phase = _main_phase(fitted)
    if refinement is None or instrument is None or phase is None or refinement.verdict in ("rejected", "failed"):
        why = (
            " ".join(refinement.reasons) if refinement is not None and phase is not None else "no phase of the fit is shown to be present."
        )
        raise DeclinedError(f"no instrument is kept from {fitted.scan.name}, as its fit is not to be believed: {why}")
    values = {field.name: _of_machine(refinement, field.name) for field in fields(InstrumentProfile) if field.name != "source"}
    for width in ("x", "y"):
        own = refinement.parameter(f"{width}_{tag(phase)}")
        values[width] = max(values[width] + (own.value.value if own is not None and own.refined else 0.0), 0.0)
    if not values["w"] + values["x"] > 0.0:
        raise DeclinedError(
            f"no instrument is kept from {fitted.scan.name}: its lines came out with no width (w and x are 0); "
            "start them from other values with --parameters, or name another standard."
        )
    machine = Machine(
        radiation=_radiation(refinement, instrument.radiation),
        geometry=instrument.geometry,
        radius_mm=instrument.radius_mm,
        monochromator_two_theta=instrument.monochromator_two_theta,
    )
    source = source_of(fitted.scan.name, [fit.phase for fit in refinement.phases], fitted.scan.start_time)
    doubt = f"; its fit was doubtful: {' '.join(refinement.reasons)}" if refinement.verdict == "doubtful" else ""
    return InstrumentProfile(**values, source=source + doubt), machine


def _of_machine(refinement: Refinement, name: str) -> float:
    """The parameter behind a field of the profile: of the same name, or the height that the field's name is short for."""
    parameter = refinement.parameter(name) or refinement.parameter(f"{name}_height")
    return parameter.value.value if parameter is not None else 0.0


def _main_phase(fitted: Index) -> str | None:
    """The phase with the largest share of the pattern among those that are there."""
    if fitted.refinement is None:
        return None
    area = {verdict.phase: 0.0 for verdict in fitted.phases if verdict.verdict == "present"}
    for line in fitted.refinement.lines:
        if line.phase in area:
            area[line.phase] += line.area
    return max(area, key=lambda phase: area[phase], default=None)


def _radiation(refinement: Refinement, radiation: Radiation) -> Radiation:
    """The radiation with the weights of its lines as fitted, where they were."""
    lines = []
    for line in radiation.lines:
        ratio = refinement.parameter(f"ratio_{tag(line.label)}")
        lines.append(replace(line, weight=ratio.value.value) if ratio is not None and ratio.refined and ratio.value.value > 0.0 else line)
    return replace(radiation, lines=tuple(lines))


def source_of(scan: str, phases: Sequence[str], measured: datetime | None) -> str:
    """Which scan a profile is from, of what, and when: the words of `InstrumentProfile.source`."""
    when = f", measured {measured:%Y-%m-%d}" if measured is not None else ""
    return f"scan {scan} of {' and '.join(phases)}{when}"

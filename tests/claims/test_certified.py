"""A certified lattice parameter: NIST SRM 660c, LaB6, measured for its certification on a laboratory diffractometer."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xrdkna import Settings, load_library, radiation_from_text, refine_scan
from xrdkna.records.refinement import Refinement
from xrdkna.records.scan import Scan
from xrdkna.records.values import Estimate
from xrdkna.refine.settings import ParameterChoice, RefineSettings

# At the temperature of the data, 20.85 °C.
CERTIFIED = 4.156780
TOLERANCE = 20e-6
STRUCTURE = Path(__file__).parent / "structures" / "LaB6.cif"

# What NIST's file says of its machine: goniometer radius, lengths of focus, specimen and slit along the axis, Soller slits, divergence.
RADIUS = 217.5
MACHINE = {
    "source_height": 12.0 / 2.0 / RADIUS,
    "sample_height": 15.0 / 2.0 / RADIUS,
    "detector_height": 15.0 / 2.0 / RADIUS,
    "soller": 6.776,
    "divergence": 1.05,
}
# Linear absorption of packed LaB6 powder at Cu Kα, per mm (1130 per cm for the crystal, packed to three fifths).
TRANSPARENCY = math.degrees(1.0 / (2.0 * 68.0 * RADIUS))
MONOCHROMATOR = 26.6


@pytest.fixture(scope="module")
def srm_660c(real_file: Callable[[str], Path]) -> Scan:
    """The measured block of NIST's file; its angles are corrected for the goniometer's own errors."""
    import gemmi

    document = gemmi.cif.read(str(real_file("certified/nist_srm660c_100a.cif")))
    block = next(block for block in document if block.name.endswith("_meas"))
    rows = block.find(["_pd_proc_2theta_corrected", "_pd_proc_intensity_total", "_pd_proc_ls_weight"])
    two_theta, intensity, weight = np.array([[float(value) for value in row] for row in rows]).T
    return Scan(
        name="SRM 660c",
        source="nist_srm660c_100a.cif",
        two_theta=two_theta,
        intensity=intensity,
        sigma=weight**-0.5,
        sigma_source="column",
    )


def value_of(fit: Refinement, name: str) -> Estimate:
    return next(parameter.value for parameter in fit.parameters if parameter.name == name)


def refined(scan: Scan, radiation: str, choices: dict[str, ParameterChoice]) -> Refinement:
    """The fit by the product: its default background, widths and weights; the goniometer's zero is NIST's."""
    settings = Settings(
        radiation=radiation_from_text(radiation),
        radius_mm=RADIUS,
        monochromator_two_theta=MONOCHROMATOR,
        phases=("LaB6",),
        refine=RefineSettings(texture="none", parameters={"zero": ParameterChoice(value=0.0, vary=False), **choices}),
    )
    fit = refine_scan(scan, load_library(extra_cifs=(STRUCTURE,)), settings).refinement
    assert fit is not None
    return fit


def held(**values: float) -> dict[str, ParameterChoice]:
    return {name: ParameterChoice(value=value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("radiation", "soller_refined"),
    # Soller blades scatter and are never quite parallel: what they let through is a number that NIST refined, too.
    [("CuKa", False), ("CuKa", True), ("CuKa5", True)],
)
def test_the_edge_of_srm_660c_is_within_20_ppm_of_its_certificate(srm_660c: Scan, radiation: str, soller_refined: bool) -> None:
    choices = held(**MACHINE, transparency=TRANSPARENCY)
    if soller_refined:
        choices["soller"] = ParameterChoice(value=MACHINE["soller"], vary=True)
    fit = refined(srm_660c, radiation, choices)
    edge = value_of(fit, "a_LaB6")
    assert fit.verdict == "accepted"
    assert edge.value == pytest.approx(CERTIFIED, rel=TOLERANCE)
    assert edge.esd is not None
    assert edge.esd < 2e-6 * CERTIFIED


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param({}, id="nothing"),
        pytest.param(held(**{**MACHINE, "source_height": 0.0, "soller": 0.0}, transparency=TRANSPARENCY), id="a parallel incident beam"),
    ],
)
def test_without_what_the_machine_does_to_lines_it_is_not(srm_660c: Scan, choices: dict[str, ParameterChoice]) -> None:
    edge = value_of(refined(srm_660c, "CuKa", choices), "a_LaB6")
    assert abs(edge.value / CERTIFIED - 1.0) > 2.0 * TOLERANCE


@pytest.mark.parametrize("radiation", ["CuKa", "CuKa5"])
def test_the_tails_of_the_tube_are_seen_and_leave_the_edge_where_it_is(srm_660c: Scan, radiation: str) -> None:
    """NIST's tube has them, too: a few per cent of the intensity, over a few tenths of a degree; they are all but even to both sides."""
    choices = held(**MACHINE, transparency=TRANSPARENCY) | {"soller": ParameterChoice(value=MACHINE["soller"], vary=True)}
    bare = refined(srm_660c, radiation, choices)
    tailed = refined(srm_660c, radiation, choices | {name: ParameterChoice(vary=True) for name in ("tail_share", "tail_low", "tail_high")})
    assert tailed.gof**2 < 0.85 * bare.gof**2
    share, edge = value_of(tailed, "tail_share"), value_of(tailed, "a_LaB6")
    assert share.esd is not None
    assert 0.02 + 3.0 * share.esd < share.value < 0.12
    assert edge.value == pytest.approx(value_of(bare, "a_LaB6").value, rel=3e-6)
    assert edge.value == pytest.approx(CERTIFIED, rel=TOLERANCE)

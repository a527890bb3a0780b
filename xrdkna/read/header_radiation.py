"""The radiation that a header names, by wavelength, energy, anode or name."""

from collections.abc import Iterable, Sequence

from xrdkna.errors import RadiationError
from xrdkna.physics.radiation import (
    KALPHA2_RATIO,
    SAME_LINE,
    WAVELENGTHS,
    monochromatic_radiation,
    radiation_from_text,
    radiation_from_wavelengths,
    tube_radiation,
)
from xrdkna.records.instrument import Radiation
from xrdkna.records.values import Notice

_KALPHA1 = {"kalpha1", "kalpha1wavelength", "wl1", "alpha1", "ka1", "alpha1wavelength", "hwxgwavelengthalpha1"}
_KALPHA2 = {"kalpha2", "kalpha2wavelength", "wl2", "alpha2", "ka2", "alpha2wavelength", "hwxgwavelengthalpha2"}
_RATIO = {"ratiokalpha2kalpha1", "wlratio", "kalpha2kalpha1ratio", "kalpha2kalpha1", "ka2ka1", "ka2ka1ratio"}
_WAVELENGTH = {
    "wavelength", "lambda", "λ", "calibratedwavelength", "usedwavelength", "xraywavelength", "incidentwavelength", "usedlambda",
    "wavelengthused", "beamwavelength", "wavelengthangstrom", "wavelengtha", "wavelengthnm",
}  # fmt: skip
_ENERGY = {"energy", "xrayenergy", "beamenergy", "photonenergy"}
_ANODE = {"anode", "anodematerial", "target", "tubeanode", "tubematerial", "hwxgtargetname", "xraytubeanode"}
_NAME = {"radiation", "source", "xraysource", "wavelengthname", "xray", "xrayradiation"}
_ANGSTROM = {"å": 1.0, "a": 1.0, "angstrom": 1.0, "angstroms": 1.0, "ångström": 1.0, "ang": 1.0, "nm": 10.0, "pm": 0.01, "m": 1e10}
# hc in keV·Å (CODATA 2018)
_HC = 12.398419843

Found = tuple[str, str, tuple[float, str] | None]


def radiation_from_words(words: Sequence[Found]) -> tuple[Radiation | None, tuple[Notice, ...]]:
    """The radiation among (key, value, number with unit), and what to know of it; None when the header does not say."""
    kalpha1, kalpha2 = _angstrom(words, _KALPHA1), _angstrom(words, _KALPHA2)
    wavelength = kalpha1 or _angstrom(words, _WAVELENGTH) or _from_energy(words)
    if wavelength is not None and not 0.05 <= wavelength <= 5.0:
        return None, (_unclear(wavelength),)
    if kalpha1 is not None and kalpha2 is not None:
        return radiation_from_wavelengths(kalpha1, kalpha2, _ratio(words)), ()
    if wavelength is not None:
        return _from_one_wavelength(wavelength, words)
    for key, value, _ in words:
        if key in _NAME and (named := _named(value)) is not None:
            return named, ()
    for key, value, _ in words:
        if key in _ANODE and (anode := value.strip(" \"',;")[:2].strip().capitalize()) in WAVELENGTHS:
            return tube_radiation(anode), ()
    return None, ()


def _from_one_wavelength(wavelength: float, words: Sequence[Found]) -> tuple[Radiation | None, tuple[Notice, ...]]:
    """A single number that is a tube's Kα₁, or the mean of its doublet, stands for the doublet: a filter or mirror leaves Kα₂ in."""
    for anode, (ka1, ka2, _) in WAVELENGTHS.items():
        mean = (ka1 + KALPHA2_RATIO * ka2) / (1.0 + KALPHA2_RATIO)
        if min(abs(wavelength / ka1 - 1.0), abs(wavelength / mean - 1.0)) < SAME_LINE:
            ratio = _ratio(words)
            lines = ("Ka1",) if ratio == 0.0 else ("Ka1", "Ka2")
            notice = Notice(
                code="doublet-assumed",
                severity="info",
                sentence=f"the header gives one wavelength, {wavelength:g} Å, of {anode} Kα; the doublet Kα₁Kα₂ is taken.",
                remedy=f"Give --radiation {anode}Ka1 if a monochromator removed Kα₂.",
            )
            return tube_radiation(anode, lines=lines), () if ratio == 0.0 else (notice,)
        if abs(10.0 * wavelength / ka1 - 1.0) < 2 * SAME_LINE and not _unit_said(words):
            return None, (_unclear(wavelength),)
    return monochromatic_radiation(wavelength), ()


def _angstrom(words: Iterable[Found], keys: set[str]) -> float | None:
    for key, _, found in words:
        if key in keys and found is not None and found[0] > 0:
            number, unit = found
            if number < 1e-8:
                return number * 1e10  # only metres give so small a number
            return number * (10.0 if key == "wavelengthnm" else _ANGSTROM.get(unit, 1.0))
    return None


def _from_energy(words: Iterable[Found]) -> float | None:
    for key, _, found in words:
        if key in _ENERGY and found is not None and found[0] > 0 and found[1] in ("kev", "ev"):
            return _HC / (found[0] * (1.0 if found[1] == "kev" else 1e-3))
    return None


def _unit_said(words: Iterable[Found]) -> bool:
    return any(key in _WAVELENGTH | _KALPHA1 and found is not None and found[1] in _ANGSTROM for key, _, found in words)


def _ratio(words: Iterable[Found]) -> float | None:
    return next((found[0] for key, _, found in words if key in _RATIO and found is not None and 0.0 <= found[0] <= 1.0), None)


def _named(value: str) -> Radiation | None:
    """ "Cu K-alpha", "CuKα1", "Mo Ka" … and no bare number: that would be a wavelength under the wrong name."""
    bare = value.lower().replace("alpha", "a").replace("beta", "b").replace(" ", "").replace("_", "").strip("\"'")
    if not bare[:1].isalpha():
        return None
    try:
        return radiation_from_text(bare)
    except RadiationError:
        return None


def _unclear(wavelength: float) -> Notice:
    return Notice(
        code="wavelength-unclear",
        severity="warning",
        sentence=f"the header gives a wavelength of {wavelength:g}, which is not clearly in ångström; it is not used.",
        remedy="Give --radiation with a name such as CuKa or a wavelength in ångström.",
    )

"""The one table of wavelengths.

Cr, Fe, Co, Cu: Hölzer et al. (1997), Phys. Rev. A 56, 4554. Mo, Ag: Deslattes et al. (2003), Rev. Mod. Phys. 75, 35, as
tabulated in International Tables for Crystallography C, table 4.2.2.4. The ratio Kα₂ : Kα₁ = 0.5 and Kβ : Kα₁ are the
nominal ones (an unfiltered tube; a filter or mirror leaves far less Kβ, so it is a line only where asked for).
"""

import math

from xrdkna.errors import RadiationError
from xrdkna.records.instrument import Radiation, SpectralLine

# anode: (Kα₁, Kα₂, Kβ₁) in Å
WAVELENGTHS: dict[str, tuple[float, float, float]] = {
    "Cr": (2.2897260, 2.2936510, 2.0848810),
    "Fe": (1.9360410, 1.9399730, 1.7566040),
    "Co": (1.7889960, 1.7928350, 1.6208260),
    "Cu": (1.5405929, 1.5444274, 1.3922340),
    "Mo": (0.70931715, 0.7136070, 0.6323030),
    "Ag": (0.55942178, 0.5638131, 0.4970817),
}
KALPHA2_RATIO = 0.5
KBETA_RATIO = 0.2
# Two sources of one wavelength (old and new x-unit scales) differ by up to about 25 ppm; two anodes by far more.
SAME_LINE = 2e-4
# Cu Kα as narrow lines see it: (label, Å, natural full width in Å, share). Hölzer et al. (1997), table II, hc = 12398.4198 eV Å: four
# Lorentzians whose sum peaks at the Kα₁ above. The satellites are Berger's (1986), X-Ray Spectrom. 15, 241, their place taken relative
# to Kα₁; a monochromator or a detector's window leaves fewer of them.
COPPER_KALPHA = (
    ("Ka11", 12398.4198 / 8047.837, 12398.4198 / 8047.837**2 * 2.285, 0.579),
    ("Ka21", 12398.4198 / 8027.993, 12398.4198 / 8027.993**2 * 2.666, 0.236),
    ("Ka22", 12398.4198 / 8026.504, 12398.4198 / 8026.504**2 * 3.571, 0.105),
    ("Ka12", 12398.4198 / 8045.367, 12398.4198 / 8045.367**2 * 3.358, 0.080),
    ("Ka3", 12398.4198 / 8047.837 * 1.534753 / 1.540596, 3.6854e-3, 0.0159),
)

_SUFFIXES = {"Ka": ("Ka1", "Ka2"), "Ka1": ("Ka1",), "Ka2": ("Ka2",), "Kb": ("Kb",), "KaKb": ("Ka1", "Ka2", "Kb")}
FINE_NAME = "CuKa5"
RADIATION_NAMES = (*(anode + suffix for anode in WAVELENGTHS for suffix in ("Ka", "Ka1", "Kb")), FINE_NAME)


def radiation_from_text(text: str) -> Radiation:
    """The radiation a person means: "CuKa" (doublet), "CuKa1", "CuKaKb", "MoKa", or a wavelength in Å such as "0.4939".

    "CuKa5" is the Kα of copper with its fine structure, five lines with widths of their own: for lattice parameters to 20 ppm.
    Several lines can be written out as "1.54056:1,1.54443:0.5" (Å : relative weight).
    Raises RadiationError when the text is none of these.
    """
    word = text.strip()
    if word.replace("α", "a").replace("-", "").lower() == FINE_NAME.lower():
        return copper_fine_structure()
    for anode in WAVELENGTHS:
        suffix = word[len(anode) :].replace("α", "a").replace("β", "b").replace("-", "").replace("_", "").strip()
        suffix = suffix[:1].upper() + suffix[1:]
        if word[: len(anode)].lower() == anode.lower() and suffix in _SUFFIXES:
            return tube_radiation(anode, lines=_SUFFIXES[suffix])
    pairs = [part.partition(":") for part in word.removesuffix("Å").removesuffix("A").strip().split(",")]
    try:
        numbers = [(float(wavelength), float(weight or 1.0)) for wavelength, _, weight in pairs]
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(x) and 0.05 <= x <= 5.0 and math.isfinite(w) and w > 0 for x, w in numbers):
        raise RadiationError(
            f"the radiation {text!r} is not known; give one of {', '.join(a + 'Ka' for a in WAVELENGTHS)} "
            "(or …Ka1, …Kb), or a wavelength in ångström between 0.05 and 5."
        )
    if len(numbers) == 1:
        return monochromatic_radiation(numbers[0][0])
    strongest = max(weight for _, weight in numbers)
    lines = [SpectralLine(label=f"{x:g} Å", wavelength=x, weight=w / strongest) for x, w in numbers]
    return Radiation(name=word, lines=tuple(sorted(lines, key=lambda line: -line.weight)))


def text_from_radiation(radiation: Radiation) -> str:
    """The text that `radiation_from_text` turns into these lines: a name where the table has it, else wavelengths and weights."""
    pairs = ",".join(f"{line.wavelength!r}:{line.weight!r}" for line in radiation.lines)
    candidates = (radiation.name, repr(radiation.wavelength)) if len(radiation.lines) == 1 else (radiation.name,)
    for text in candidates:
        try:
            lines = radiation_from_text(text).lines
        except RadiationError:
            continue
        if [(line.wavelength, line.weight) for line in lines] == [(line.wavelength, line.weight) for line in radiation.lines]:
            return text
    return pairs


def tube_radiation(anode: str, *, lines: tuple[str, ...] = ("Ka1", "Ka2"), kalpha2_ratio: float = KALPHA2_RATIO) -> Radiation:
    """The characteristic lines of a tube with this anode, from the table. Raises RadiationError for an anode not in it."""
    if anode not in WAVELENGTHS:
        raise RadiationError(f"no wavelengths are known for anode {anode!r}; the table holds {', '.join(WAVELENGTHS)}.")
    ka1, ka2, kb = WAVELENGTHS[anode]
    known = {"Ka1": (ka1, 1.0), "Ka2": (ka2, kalpha2_ratio if "Ka1" in lines else 1.0), "Kb": (kb, KBETA_RATIO if "Ka1" in lines else 1.0)}
    name = anode + {("Ka1", "Ka2"): "Ka", ("Ka1", "Ka2", "Kb"): "KaKb"}.get(lines, lines[0])
    return Radiation(
        name=name,
        anode=anode,
        lines=tuple(SpectralLine(label=anode + label, wavelength=known[label][0], weight=known[label][1]) for label in lines),
    )


def copper_fine_structure() -> Radiation:
    """Cu Kα as five lines with natural widths (COPPER_KALPHA)."""
    strongest = max(share for _, _, _, share in COPPER_KALPHA)
    lines = (
        SpectralLine(label=f"Cu{label}", wavelength=wavelength, width=width, weight=share / strongest)
        for label, wavelength, width, share in COPPER_KALPHA
    )
    return Radiation(name=FINE_NAME, anode="Cu", lines=tuple(lines))


def monochromatic_radiation(wavelength: float) -> Radiation:
    """A single wavelength in Å. That of a tube's Kα₁, or of its Kα mean, is a tube's: unpolarised; any other is a synchrotron's,
    taken as polarised in the plane of the ring (95 %)."""
    line = SpectralLine(label="λ", wavelength=wavelength, weight=1.0)
    for anode, (ka1, ka2, _) in WAVELENGTHS.items():
        mean = (ka1 + KALPHA2_RATIO * ka2) / (1.0 + KALPHA2_RATIO)
        if min(abs(wavelength / ka1 - 1.0), abs(wavelength / mean - 1.0)) < SAME_LINE:
            return Radiation(name=f"{wavelength:g} Å", lines=(line,), anode=anode)
    return Radiation(name=f"{wavelength:g} Å", lines=(line,), polarised=0.95)


def radiation_from_wavelengths(kalpha1: float, kalpha2: float | None, ratio: float | None) -> Radiation:
    """The radiation a file describes by its numbers; a tube's lines are recognised and taken from the table (see SAME_LINE).

    kalpha1, kalpha2: Å. ratio: Kα₂ : Kα₁, None or 0 meaning that Kα₂ was removed or not said; a `kalpha2` without a
    ratio gets the nominal one.
    """
    for anode, (ka1, _, _) in WAVELENGTHS.items():
        if abs(kalpha1 / ka1 - 1.0) < SAME_LINE:
            doublet = kalpha2 is not None and (ratio is None or ratio > 0)
            return tube_radiation(anode, lines=("Ka1", "Ka2") if doublet else ("Ka1",), kalpha2_ratio=ratio or KALPHA2_RATIO)
    return monochromatic_radiation(kalpha1)

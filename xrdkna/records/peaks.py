"""What stands out of the background: reflections and amorphous halos."""

from dataclasses import dataclass

from xrdkna.records.values import Estimate, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """One reflection as found, its position quoted for the strongest spectral line (Kα₁).

    two_theta: degrees. d_spacing: Å. area: counts·degrees, all spectral lines together. fwhm: degrees. eta: Lorentzian
    share of the pseudo-Voigt. snr: significance against the local background, in sigmas. background: counts under it.
    """

    two_theta: Estimate
    d_spacing: Estimate
    area: Estimate
    fwhm: Estimate
    eta: float
    snr: float
    background: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Halo:
    """A hump far wider than any reflection: scattering from something amorphous or liquid. Units as in Peak. name: as the user
    calls it, or "halo 1", … in a fit; empty where it is only found."""

    two_theta: Estimate
    fwhm: Estimate
    area: Estimate
    snr: float
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """All that was found in one pattern, in rising 2θ; `threshold` is the significance a peak had to reach; the notices
    say why nothing could be found."""

    peaks: tuple[Peak, ...]
    halos: tuple[Halo, ...]
    threshold: float
    notices: tuple[Notice, ...] = ()

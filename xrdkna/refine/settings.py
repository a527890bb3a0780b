"""What may be chosen about a whole-pattern fit, with the reason for each default."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xrdkna.errors import UsageError
from xrdkna.records.arrays import set_frozen
from xrdkna.records.instrument import InstrumentProfile

TEXTURES = ("none", "free", "march", "harmonics")
BROADENINGS = ("isotropic", "uniaxial", "stephens")
WEIGHTS = ("counting", "misfit")
LINE_SHAPES = ("voigt", "pseudo-voigt")
INTENSITIES = ("structure", "lebail", "pawley")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChoice:
    """What a user says about one parameter: start, bounds, whether it moves, or the expression it follows (lmfit's syntax)."""

    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    vary: bool | None = None
    expr: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HaloChoice:
    """A hump that the user knows to be there: its name, and its place as q in Å⁻¹ or as two_theta in degrees, one of the two; fwhm:
    degrees 2θ, None where nothing is known of its width."""

    name: str
    q: float | None = None
    two_theta: float | None = None
    fwhm: float | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or re.fullmatch(r"halo\s*\d*", self.name.strip(), re.IGNORECASE):
            raise UsageError(
                f"a halo cannot be called {self.name!r}: halos without a name are halo 1, halo 2, …; give it a name of its own."
            )
        if (self.q is None) == (self.two_theta is None):
            raise UsageError(f"the halo {self.name} needs one place: either Q in Å⁻¹, or 2θ in degrees.")
        if self.q is not None and not 0.05 <= self.q <= 30.0:
            raise UsageError(f"the halo {self.name} has Q = {self.q:g} Å⁻¹, where no liquid or glass has a hump; give 0.05 to 30.")
        if self.two_theta is not None and not 0.1 <= self.two_theta <= 170.0:
            raise UsageError(f"the halo {self.name} has 2θ = {self.two_theta:g}°; give its place in degrees, 0.1 to 170.")
        if self.fwhm is not None and not 0.5 <= self.fwhm <= 60.0:
            raise UsageError(f"the halo {self.name} has a width of {self.fwhm:g}°; give its full width in degrees 2θ, 0.5 to 60.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineSettings:
    """Choices of the fit; the defaults suit a laboratory diffractometer and a synchrotron alike."""

    # A library cell differs from the specimen's by temperature and composition: 1 % covers 78 K against 295 K for K.
    cell_strain_limit: float = 0.010
    # … but most differ by far less; a weak phase is held by this soft pull, a strong one does not feel it.
    cell_strain_prior: float = 0.002
    # 0.6° is 0.6 mm at R = 115 mm: a specimen further out is not aligned.
    displacement_limit: float = 0.6
    # One Chebyshev term per this many degrees follows air scatter, windows and most of a halo, and no reflection.
    degrees_per_background_term: float = 5.0
    # Where a halo is a term of its own, the polynomial must leave it to it.
    degrees_per_term_beside_halos: float = 7.0
    # Air scatter rises like 1/2θ; below this angle polynomials alone cannot follow it.
    air_scatter_below: float = 25.0
    # "free": each strong line may leave the calculated ratio, as far as the phase's own lines show that they do: right for a
    # deposit of few grains. "march": one March–Dollase coefficient a phase, "harmonics": symmetrised spherical harmonics, for
    # packed powders. "none": as calculated.
    texture: str = "free"
    # Even orders up to this one; 4 holds a fibre texture of moderate strength, 8 a sharp one.
    harmonic_order: int = 6
    # Phase: broadening that depends on direction, where data ask for it; "isotropic" where nothing is said.
    broadening: Mapping[str, str] = field(default_factory=dict)
    # Phase: the axis (h, k, l of the plane normal) of March–Dollase texture and uniaxial broadening. Where nothing is said, the
    # unique axis of the crystal system, and (1 1 1) for cubic.
    axes: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    # The machine's own line shape; with it sizes and strains are the specimen's, and width parameters of the machine are held.
    profile: InstrumentProfile | None = None
    # "voigt": a Gaussian and a Lorentzian folded, as machine, size and strain do. "pseudo-voigt": the sum that Thompson, Cox & Hastings put
    # in its place, which programs of old fit; their profiles compare to the last digit only with it.
    line_shape: str = "voigt"
    # Parameters whose 95 % profile-likelihood interval is wanted beside the esd.
    confidence: tuple[str, ...] = ()
    # Phase: where its intensities come from. "structure": |F|² as calculated, the only way to a weight. "lebail", "pawley": from
    # the pattern, where the structure is not known; see `refine.lebail`. "structure" where nothing is said.
    intensities: Mapping[str, str] = field(default_factory=dict)
    # Mean particle diameter in µm for Brindley's microabsorption correction of the weights; None: no correction.
    particle_diameter: float | None = None
    # "counting": σ alone weighs a point, as Rietveld's agreement factors assume. "misfit": where the model misses by more than
    # counting allows, points weigh less, so that one strong line of the wrong shape does not decide every cell.
    weights: str = "counting"
    # Lines closer than this (degrees) within one phase share one intensity: no diffractometer separates them.
    group_width: float = 0.06
    # Groups weaker than this share of the phase's strongest keep the calculated ratio: they carry no weight of their own.
    group_minimum: float = 0.04
    # Stop when a step changes χ² by less than this share; a hundredth of what one σ on one parameter costs at 1e4 points.
    tolerance: float = 1e-6
    max_iterations: int = 40
    # Regions (2θ from, to) left out of the fit.
    excluded: tuple[tuple[float, float], ...] = ()
    # Humps that are in every model beside those found in the pattern: what is known of the cell (window, electrolyte) does not
    # depend on whether one scan shows it.
    halos: tuple[HaloChoice, ...] = ()
    parameters: Mapping[str, ParameterChoice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.texture not in TEXTURES:
            raise UsageError(f"texture is {self.texture!r}; choose one of {', '.join(TEXTURES)}.")
        if self.weights not in WEIGHTS:
            raise UsageError(f"weights is {self.weights!r}; choose one of {', '.join(WEIGHTS)}.")
        if self.line_shape not in LINE_SHAPES:
            raise UsageError(f"line_shape is {self.line_shape!r}; choose one of {', '.join(LINE_SHAPES)}.")
        if strange := sorted({kind for kind in self.broadening.values() if kind not in BROADENINGS}):
            raise UsageError(f"broadening is {', '.join(strange)}; choose one of {', '.join(BROADENINGS)}.")
        if strange := sorted({way for way in self.intensities.values() if way not in INTENSITIES}):
            raise UsageError(f"intensities is {', '.join(strange)}; choose one of {', '.join(INTENSITIES)}.")
        if self.harmonic_order not in range(2, 13, 2):
            raise UsageError(f"the order of the texture harmonics is {self.harmonic_order}; choose 2, 4, 6, 8, 10 or 12.")
        if self.particle_diameter is not None and not 0.0 < self.particle_diameter <= 1000.0:
            raise UsageError(f"a particle diameter of {self.particle_diameter:g} µm is not credible; give it in µm, between 0 and 1000.")
        names = [halo.name for halo in self.halos]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"two halos are called {', '.join(twice)}; give each its own name.")
        set_frozen(
            self,
            parameters=MappingProxyType(dict(self.parameters)),
            broadening=MappingProxyType(dict(self.broadening)),
            axes=MappingProxyType(dict(self.axes)),
            intensities=MappingProxyType(dict(self.intensities)),
        )

    @property
    def extracted(self) -> tuple[str, ...]:
        """The phases whose intensities are taken from the pattern."""
        return tuple(phase for phase, way in self.intensities.items() if way != "structure")

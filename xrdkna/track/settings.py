"""Every choice of the tracker, with its reason."""

from dataclasses import dataclass

from xrdkna.errors import UsageError
from xrdkna.records.track import Hkl


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSettings:
    """How a series is read. Probabilities are 0 … 1, fractions are of the quantity they qualify.

    Raises UsageError for a rate or probability that means nothing.
    """

    # The paper's transient line: the one whose coming and going is asked for when nobody says otherwise.
    marker: tuple[str, Hkl] | None = ("KNa2", (1, 0, 3))
    # A structure's reflections come together; that one stays out while its phase comes is as rare as this, and has to be shown.
    without_marker: float = 0.07
    # When a phase's level jumps, one of its reflections changes with it this often: both are signs of another texture or another state.
    reflection_follows_jump: float = 0.25
    # Hardware is learned, not followed; a phase the user added has the role "other" and may come and go.
    followed_roles: tuple[str, ...] = ("deposit", "contamination", "other")
    # Of 100 series in which nothing happens, at most this many report any appearance. The prior odds of an appearance are set
    # to rate · p/(1−p), shared by the followed phases; by Markov's inequality a series without it then reaches the
    # posterior p with at most that rate. (The bound is loose: the rate met in practice is lower.)
    false_alarms_per_100_series: float = 1.0
    # A thing counts as there, and its coming or going is reported, when its posterior reaches this in the scans around.
    report_probability: float = 0.95
    # The absence beside an event is believed at less: a faint presence before an onset can never be excluded as surely.
    absence_probability: float = 0.7
    # Level of the interval given with an event's time.
    level: float = 0.95
    # Relative freedom of a deposit's single reflections about the calculated pattern: films and dendrites are textured, factors
    # of 0.6 … 1.6 are usual.
    texture: float = 0.4
    # The reflection that is followed by itself is freer than the others, for its own absence is a hypothesis.
    marker_texture: float = 0.6
    # Once a deposit is seen, its own pattern is known; between scans its texture still changes by about this much.
    texture_change: float = 0.15
    # Hardware's ratios may drift by this much over a series beyond what the rest scans show: a mesh that bends under a deposit.
    hardware_drift: float = 0.03
    # Scan-to-scan scatter of hardware ratios is never believed to be smaller: grain statistics of a mesh.
    hardware_scatter: float = 0.005
    # Where hardware cannot be learned: what texture does to a rolled mesh or a polycrystal, 1.6 either way (2 sd: ln 1.6 / 1.75).
    hardware_unlearned: float = 0.27
    # Scans from which hardware is learned, chosen by the user; None: before plating, else the scans without deposit.
    rest_scans: tuple[int, ...] | None = None
    # Less than this part of a line's own signal left after all others are fitted: it hides behind another line.
    openness: float = 0.5
    # Expected number of vanishings of a present phase in one series, and of single reflections that go, or come back, inside it.
    vanishings: float = 1.0
    reflection_goes: float = 0.25
    reflection_returns: float = 0.75
    # Current below this part of the largest is rest: cyclers leak and drift by a percent or two.
    current_deadband: float = 0.05
    # Smaller steps of a level are real but not worth a sentence; a ramp must change the level by this factor.
    least_step: float = 0.2
    least_ramp: float = 1.5
    # An unindexed line counts when it has this significance in one scan, or joined over the scans it is seen in.
    unindexed_significance: float = 5.0
    # A line may move this far (degrees) between scans by displacement and cell changes and still be the same line.
    unindexed_drift: float = 0.03
    # A picture on a screen shows no more; the memory it takes stays under 2 MB.
    heatmap_bins: int = 600
    heatmap_scans: int = 400

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarms_per_100_series <= 20.0:
            raise UsageError(f"a false-alarm rate of {self.false_alarms_per_100_series} in 100 series has no use; give 0.01 to 20.")
        if not (0.5 < self.report_probability < 1.0 and 0.0 < self.level < 1.0):
            raise UsageError("the report probability must lie between 0.5 and 1 and the interval's level between 0 and 1.")
        if min(self.texture, self.marker_texture, self.hardware_unlearned, self.hardware_scatter) <= 0 or self.hardware_drift < 0:
            raise UsageError("the freedoms of texture and hardware must be positive numbers, as fractions (0.4 is 40 %).")
        if self.heatmap_bins < 2 or self.heatmap_scans < 1:
            raise UsageError("a heatmap needs at least two bins and one scan.")

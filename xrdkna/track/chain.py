"""A series and a function that observes one scan, to a Track: one pass over the scans, then one reading of what was kept."""

from collections.abc import Callable
from dataclasses import dataclass

from xrdkna.errors import DataError, DeclinedError
from xrdkna.records.scan import Scan
from xrdkna.records.series import Series
from xrdkna.records.track import Heatmap, Observation, Track
from xrdkna.track.air.contamination import Coincidence
from xrdkna.track.heatmap import HeatmapBuilder
from xrdkna.track.interpret import interpret_series
from xrdkna.track.paths.presence import Confirm
from xrdkna.track.settings import TrackSettings
from xrdkna.track.strangers.stranger_words import Neighbours
from xrdkna.track.strangers.unindexed import Candidates

Observe = Callable[[Scan], Observation]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the pass over the scans kept: an observation a scan or the sentence why there is none, and the picture."""

    observations: tuple[Observation | None, ...]
    why_not: tuple[str | None, ...]
    heatmap: Heatmap | None


def track_series(
    series: Series,
    observe: Observe,
    settings: TrackSettings,
    *,
    progress: Progress | None = None,
    candidates: Candidates | None = None,
    confirm: Confirm | None = None,
    coincidence: Coincidence | None = None,
    neighbours: Neighbours | None = None,
) -> Track:
    """Follow a series. `observe` fits one scan; `progress` is told
    (done, total) after each scan; `candidates` names the library's reflections near a 2θ for lines that stay unindexed;
    `confirm` looks once more at each phase's scans added up, and says why it is not to be believed, if so; `coincidence` says of a
    phase of the air family's scans added up why its lines may be those of something unknown, if so; `neighbours` knows the
    reflections around an unindexed line.

    Raises DeclinedError when no scan of the series can be used.
    """
    observed = observe_series(series, observe, settings, progress=progress)
    return interpret_series(
        series,
        observed.observations,
        observed.why_not,
        settings,
        heatmap=observed.heatmap,
        candidates=candidates,
        confirm=confirm,
        coincidence=coincidence,
        neighbours=neighbours,
    )


def observe_series(series: Series, observe: Observe, settings: TrackSettings, *, progress: Progress | None = None) -> Observed:
    """Load and observe each scan in turn, keeping only the small records; a scan that cannot be read or fitted gets its sentence."""
    total = len(series.entries)
    picture = HeatmapBuilder(total=total, bins=settings.heatmap_bins, scans=settings.heatmap_scans)
    observations: list[Observation | None] = []
    why_not: list[str | None] = []
    for place, entry in enumerate(series.entries):
        observation, reason = None, None
        try:
            scan = entry.load()
            picture.add(place, scan)
            observation = observe(scan)
        except (DataError, DeclinedError) as refusal:
            reason = str(refusal)
        if observation is not None and observation.verdict in ("failed", "rejected"):
            verb = "failed" if observation.verdict == "failed" else "is rejected"
            reason = f"the fit of {entry.name} {verb}: {'; '.join(observation.reasons) or 'no reason was given'}."
        observations.append(observation)
        why_not.append(reason)
        if progress is not None:
            progress(place + 1, total)
    return Observed(observations=tuple(observations), why_not=tuple(why_not), heatmap=picture.picture())

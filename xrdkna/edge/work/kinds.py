"""The kinds of job there are."""

from xrdkna.edge.work.outcome import Kind, nothing_to_keep
from xrdkna.edge.work.scan_work import inspect_failed, keep_inspected, run_analysis, run_inspect, run_look
from xrdkna.edge.work.series_work import keep_track, run_figure, run_track, track_failed

KINDS: dict[str, Kind] = {
    "inspect": Kind(run=run_inspect, keep=keep_inspected, failed=inspect_failed),
    "look": Kind(run=run_look, keep=nothing_to_keep, failed=nothing_to_keep),
    "analysis": Kind(run=run_analysis, keep=nothing_to_keep, failed=nothing_to_keep),
    "figure": Kind(run=run_figure, keep=nothing_to_keep, failed=nothing_to_keep),
    "track": Kind(run=run_track, keep=keep_track, failed=track_failed),
}
# A worker of the quick lane leaves the long work to others, so that somebody who looks at a scan never waits for a series.
LANES = {"quick": ("inspect", "look", "analysis", "figure"), "all": tuple(KINDS)}

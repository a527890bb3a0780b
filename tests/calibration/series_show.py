"""One planted series to look at: what the tracker says beside what is true."""

from pathlib import Path

import numpy as np
from series_plant import plant_series
from series_run import follow, outcome_of
from series_truth import MARKER


def tell_series(scenario: str, seed: int, choice: str = "five") -> str:
    """The sentences beside the truth, and a line a scan."""
    planted = plant_series(scenario, seed)
    track, declined, seconds = follow(planted, choice)
    outcome = outcome_of(planted, track, declined=declined, seconds=seconds)
    truth = planted.truth
    lines = [
        f"{scenario} {seed}: {truth.anode} Kα, R {truth.radius_mm:g} mm, {len(truth.scans)} scans, marker {truth.sigma:.1f}σ",
        f"processor time {seconds:.1f} s",
        "true:",
        *(f"  {e.phase} {e.hkl or ''} {e.kind} at {e.time:.0f} s, between {e.after_scan} and {e.before_scan}" for e in truth.events),
        f"  air: {', '.join(truth.contamination) or 'none'}, from scan {truth.onset_scan}",
        "said:",
        *(f"  {sentence}" for sentence in outcome["sentences"]),
        f"  {outcome['contamination']['sentence']}",
        *(f"  {sentence}" for sentence in (*outcome["undecided"], *outcome["unused"], *([declined] if declined else []))),
        "wrong:",
        *(f"  missed: {m['thing']} {m['kind']} at scan {m['before_scan']}" for m in outcome["matches"] if m["said"] is None),
        *(f"  {m['off']} off: {m['said']['sentence']}" for m in outcome["matches"] if m["off"]),
        *(f"  outside: {m['time']:.0f} s not in {m['said']['time']}" for m in outcome["matches"] if m["covered"] is False),
        *(f"  false: {event['sentence']}" for event in outcome["false"]),
        *(f"  false: {sentence}" for sentence in outcome["others"]),
    ]
    if track is not None:
        lines.append("scan   passed  state      KNa2 σ  p     marker σ  p     K σ    air σ   displacement")
        lines += _scan_lines(planted, track)
    return "\n".join(lines) + "\n"


def _scan_lines(planted, track) -> list[str]:
    probability = {one.hkl: one.probability for one in track.presence if one.phase == "KNa2"}
    none = np.full(len(planted.truth.scans), np.nan)
    x, angle = planted.specimen.machine.two_theta, planted.specimen.angles["marker"]
    share = (angle - x[0]) / (x[-1] - x[0])
    lines = []
    for i, scan in enumerate(planted.truth.scans):
        air = np.sqrt(sum(scan.sigmas.get(name, 0.0) ** 2 for name in planted.truth.contamination))
        sigmas = [scan.sigmas.get(thing, 0.0) for thing in ("KNa2", "marker", "K")]
        said = [probability.get(hkl, none)[i] for hkl in (None, MARKER)]
        lines.append(
            f"{i:4d} {scan.start + share * (scan.end - scan.start):8.0f}  {track.scans[i].state:10s} {sigmas[0]:6.1f} {said[0]:6.3f} "
            f"{sigmas[1]:6.1f}  {said[1]:6.3f} {sigmas[2]:7.1f} {air:7.1f} {scan.displacement_mm:+9.3f}"
            f"{'' if track.scans[i].used else '  not used'}"
        )
    return lines


def plot_series(scenario: str, seed: int, path: Path) -> None:
    """All scans about the marker, and what is planted of KNa2 in the scan where it stands highest."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    planted = plant_series(scenario, seed)
    x, marker = planted.specimen.machine.two_theta, planted.specimen.angles["marker"]
    near = np.abs(x - marker) < 4.0 * marker / 25.7
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(9, 9), sharex=True)
    picture = np.array([np.log(np.maximum(expected[near], 1.0)) for expected in planted.expected])
    above.pcolormesh(x[near], np.arange(len(picture)), picture, shading="nearest")
    above.set_ylabel("scan")
    best = int(np.argmax([scan.sigmas.get("KNa2", 0.0) for scan in planted.truth.scans]))
    below.semilogy(x[near], planted.expected[best][near], label=f"scan {best}")
    for thing, part in planted.parts[best].items():
        below.semilogy(x[near], np.maximum(part[near], 0.1), label=thing, linewidth=0.8)
    below.legend()
    below.set_xlabel("2θ, degrees")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)

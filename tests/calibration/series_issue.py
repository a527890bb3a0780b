"""What was asked of the tracker, line by line, beside what these outcomes say."""

from collections.abc import Sequence

import numpy as np
from series_score import Outcome, Row, brier, reliability, table

# What is asked, and the rows of the long table that answer it.
ASKED = (
    ("200 null series: any KNa2 event", ("null series with any KNa2 event",)),
    ("marker ≥ 5σ: appears and vanishes at the exact scan", ("marker, marker ≥ 5σ: exact scan", "KNa2, marker ≥ 5σ: exact scan")),
    ("  within one scan", ("marker, marker ≥ 5σ: within one scan", "KNa2, marker ≥ 5σ: within one scan")),
    ("marker 3σ: within one scan", ("marker, marker 3σ: within one scan", "KNa2, marker 3σ: within one scan")),
    ("  missed", ("marker, marker 3σ: missed", "KNa2, marker 3σ: missed")),
    ("marker 1.5–2σ over ≥ 8 scans: found", ("marker, marker 1.5–2σ: found", "KNa2, marker 1.5–2σ: found")),
    (
        "  95 % intervals there hold the truth",
        ("95 % intervals hold the truth: marker, marker 1.5–2σ", "95 % intervals hold the truth: KNa2, marker 1.5–2σ"),
    ),
    (
        "95 % intervals of event times hold the truth",
        ("95 % intervals hold the truth: marker, all", "95 % intervals hold the truth: KNa2, all"),
    ),
    ("(103) gone while (112), (201) weaken to 25 %: both right", ("paper: both statements",)),
    ("contamination ≥ 1 wt%: found", ("contamination ≥ 1 wt%: found",)),
    ("  found where there is none", ("contamination found where there is none",)),
    ("  onset within two scans", ("contamination: onset within two scans",)),
)


def say_issue(outcomes: Sequence[Outcome]) -> str:
    """The table that was asked for, row by row with counts; marker / its phase where both answer."""
    rows = {row.name: row for row in table(outcomes)}
    lines = ["What is asked, marker / KNa2 where both answer:"]
    for asked, names in ASKED:
        if found := [rows[name] for name in names if name in rows]:
            lines.append(f"  {asked:58s} must {found[0].must:8s} {' / '.join(map(_say, found))}")
    tenths, (error, scans) = reliability(outcomes), brier(outcomes)
    if tenths:
        off = max(tenths, key=lambda tenth: abs(tenth.said - tenth.true))
        thinnest = min(tenth.count for tenth in tenths)
        counted = f"{off.count} scans of {off.series} series; {thinnest} scans in the thinnest tenth"
        worst = f"worst {off.true - off.said:+.3f} ± {off.error:.3f} at {off.said:.2f} ({counted}) {off.verdict}"
        lines.append(f"  {'presence: said and true in every tenth':58s} must ± 0.05   {worst}")
    if scans:
        lines.append(f"  {'Brier at ≥ 3σ':58s} must ≤ 0.03   {error:.4f} over {scans} scans {'yes' if error <= 0.03 else 'NO'}")
    timed = [1000.0 * one["seconds"] / one["scans"] for one in outcomes]
    if timed:
        middle = float(np.median(timed))
        lines.append(
            f"  {'processor time a scan, all included':58s} must ≤ 15 ms  median {middle:.1f} ms {'yes' if middle <= 15.0 else 'NO'}"
        )
    return "\n".join(lines) + "\n"


def _say(row: Row) -> str:
    return f"{row.share:.1%} ({row.hits}/{row.total}) {row.verdict}"

"""Has air reached the sample that a published list is of?"""

from collections.abc import Mapping

import numpy as np

from xrdkna.match.line_evidence import PhaseWeight, Weighing
from xrdkna.match.line_words import listed_words, written
from xrdkna.records.air import Contamination
from xrdkna.records.index import IndexedPeak, PhaseVerdict

# A line is told as being at a reflection within so many of its own sigmas of it, the cell being the reference.
AT_SIGMAS = 3.0


def contamination_of_list(phases: tuple[PhaseVerdict, ...], peaks: tuple[IndexedPeak, ...], weighing: Weighing) -> Contamination:
    """found: a phase of the family is present; suspected: one is undecided and two lines may be its own. A line alone is none."""
    dirty = {w.name: w for w in weighing.weights if w.expected.source.role == "contamination"}
    found = tuple(p.phase for p in phases if p.phase in dirty and p.verdict == "present")
    if found:
        explains = f"{listed_words(found)} {'explains' if len(found) == 1 else 'explain'} lines that no other phase does"
        return Contamination(verdict="found", phases=found, sentence=f"Air has reached the sample: {explains}.")
    likely = [p.phase for p in phases if p.phase in dirty and p.verdict == "undecided" and p.significance > 0]
    suspects = tuple(phase for phase in likely if int(dirty[phase].own.sum()) >= 2)
    if suspects:
        return Contamination(
            verdict="suspected",
            phases=suspects,
            sentence=f"Air may have reached the sample: lines of {listed_words(suspects)} may be in the list, which does not decide it.",
        )
    if not dirty:
        return Contamination(
            verdict="none", phases=(), sentence="No contamination by air was looked for: no phase chosen is one that air makes."
        )
    left_over = [peak for peak in peaks if peak.status == "unindexed" or (peak.assignments and peak.assignments[0].phase in dirty)]
    lone = [told for peak in left_over if (told := _lone_line(peak, dirty))]
    if lone:
        whose = "the phase's" if len(lone) == 1 else "the phases'"
        where = f"{listed_words(lone)}, without {whose} other strong lines"
        return Contamination(verdict="none", phases=(), sentence=f"No contamination by air is shown: {where}.")
    return Contamination(
        verdict="none", phases=(), sentence="No contamination by air: none of its phases explains a line that is left over."
    )


def _lone_line(peak: IndexedPeak, dirty: Mapping[str, PhaseWeight]) -> str | None:
    """ "31.6° is at K2CO3 (1 3 0)": where the reflection that tells a line best is one of a phase that air makes, in its reference cell."""
    where, sigma = peak.peak.two_theta.value, peak.peak.two_theta.esd or 0.0
    first = peak.assignments[0] if peak.assignments else None
    if first is None or first.phase not in dirty:
        return None
    expected = dirty[first.phase].expected
    rows = np.flatnonzero((expected.hkl == np.array(first.hkl)).all(axis=1))
    near = rows.size and abs(float(expected.reference[rows[0]]) - where) <= AT_SIGMAS * sigma
    return f"{where:g}° is at {first.phase} {written(first.hkl)}" if near else None

"""A line where a phase has one of its own: are the phase's other strong lines beside it?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xrdkna.physics.evidence import GroupEvidence

# A line is asked for that should be at least this part of the one that is there …
_STRONG = 0.3
# … and is missing where it stays below this part of what it should be: texture rarely does that to several.
_MISSING = 0.5
# One-sided 95 %.
_SIDED = 1.645
# As many names as a sentence bears.
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Missing:
    """Lines that should be there: strongest expected first. share: of the area of the line that is there, which none of them exceeds at
    95 %. expected: (least, most) of what the phase's structure makes of the same ratio."""

    hkls: tuple[tuple[int, int, int], ...]
    share: float
    expected: tuple[float, float]

    @property
    def clause(self) -> str:
        """ ", but (1 1 2), (0 2 2) and (2 0 0) are not there above 9 % of it (calculated: 52 to 66 %)"."""
        names = [f"({' '.join(str(index) for index in hkl)})" for hkl in self.hkls]
        listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
        low, high = (f"{100.0 * ratio:.0f}" for ratio in self.expected)
        verb = "are" if len(names) > 1 else "is"
        calculated = f"{low} to {high}" if low != high else low
        return f", but {listed} {verb} not there above {100.0 * self.share:.2g} % of it (calculated: {calculated} %)"


def missing_beside(
    groups: Sequence[GroupEvidence], hkl: tuple[int, int, int], *, area: float, taken: Callable[[float], bool] = lambda _: False
) -> Missing | None:
    """The strong lines of a phase that are not there beside its line `hkl` of this area (counts·degrees); None where nothing is missing,
    or nothing can be said. taken: whether something nobody explains lies so near a 2θ that the line could be that."""
    own = next((one.group for one in groups if hkl == one.group.hkl or hkl in one.group.members), None)
    if own is None or own.share <= 0.0 or area <= 0.0:
        return None
    others = [one for one in groups if one.group is not own and one.group.share >= _STRONG * own.share]
    found = []
    for one in others:
        limit, ratio = (max(one.area, 0.0) + _SIDED * one.esd) / area, one.group.share / own.share
        if limit < _MISSING * ratio and not taken(one.group.two_theta):
            found.append((ratio, limit, one.group.hkl))
    named = sorted(found, reverse=True)[:_NAMED]
    if not named:
        return None
    ratios = [ratio for ratio, _, _ in named]
    return Missing(hkls=tuple(hkl for _, _, hkl in named), share=max(limit for _, limit, _ in named), expected=(min(ratios), max(ratios)))

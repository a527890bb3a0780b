"""The table of what a tracker must do, from the outcomes of planted series."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import beta

STRONG, MIDDLE, WEAK = (5.0, 1e9), (3.0, 3.0), (1.5, 2.0)
TENTHS = 10
SWITCHES = ("appears", "vanishes")
Outcome = dict
MATCH = dict


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: so many of so many; must: what is asked of the share, good: whether a share is."""

    name: str
    hits: int
    total: int
    must: str
    good: Callable[[float], bool] | None = None

    @property
    def share(self) -> float:
        """Of the whole; 0 where there is nothing."""
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the true share (Clopper & Pearson 1934)."""
        k, n = self.hits, self.total
        low = float(beta.ppf(0.025, k, n - k + 1)) if k > 0 else 0.0
        high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
        return low, high

    @property
    def verdict(self) -> str:
        """yes or no, by the share itself; "no, within chance" where the asked share is in the interval."""
        if self.good is None or not self.total:
            return ""
        if self.good(self.share):
            return "yes"
        low, high = self.interval
        possible = any(self.good(low + (high - low) * i / 100.0) for i in range(101))
        return "no, within chance" if possible else "NO"


def at_least(share: float) -> dict[str, object]:
    """The asked share of a row."""
    return {"must": f"≥ {share:.0%}", "good": lambda seen: seen >= share}


def at_most(share: float) -> dict[str, object]:
    """The asked share of a row."""
    return {"must": f"≤ {share:.0%}", "good": lambda seen: seen <= share}


def table(outcomes: Sequence[Outcome]) -> list[Row]:
    """All rows that these outcomes can fill."""
    rows = [*_false_rows(outcomes), *_event_rows(outcomes), *_paper_rows(outcomes), *_coverage_rows(outcomes), *_air_rows(outcomes)]
    return [row for row in rows if row.total]


def _false_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    null = [one for one in outcomes if one["null"] and not one["contamination"]["true"]]
    rows = [Row(name="null series with any KNa2 event", hits=_count(null, lambda one: one["false"]), total=len(null), **at_most(0.01))]
    for scenario in dict.fromkeys(one["scenario"] for one in null):
        some = [one for one in null if one["scenario"] == scenario]
        rows.append(Row(name=f"  {scenario}", hits=_count(some, lambda one: one["false"]), total=len(some), must=""))
    real = [one for one in outcomes if not one["null"]]
    rows.append(Row(name="series with KNa2 and a false switch of it", hits=_count(real, _false_switch), total=len(real), must=""))
    other = _count(real, lambda one: any(event["kind"] not in SWITCHES for event in one["false"]))
    rows.append(Row(name="series with KNa2 and a false change of it", hits=other, total=len(real), must=""))
    rows.append(
        Row(name="series with another phase's false coming", hits=_count(outcomes, lambda one: one["others"]), total=len(outcomes), must="")
    )
    rows.append(Row(name="series declined", hits=_count(outcomes, lambda one: one["declined"]), total=len(outcomes), must="0 %"))
    return rows


def _false_switch(outcome: Outcome) -> bool:
    return any(event["kind"] in SWITCHES for event in outcome["false"])


def _event_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    rows = []
    for thing in ("marker", "KNa2"):
        strong = _matches(outcomes, thing, SWITCHES, STRONG)
        rows.append(Row(name=f"{thing}, marker ≥ 5σ: exact scan", hits=_off(strong, 0), total=len(strong), **at_least(0.95)))
        rows.append(Row(name=f"{thing}, marker ≥ 5σ: within one scan", hits=_off(strong, 1), total=len(strong), **at_least(0.99)))
        middle = _matches(outcomes, thing, SWITCHES, MIDDLE)
        rows.append(Row(name=f"{thing}, marker 3σ: within one scan", hits=_off(middle, 1), total=len(middle), **at_least(0.85)))
        missed = sum(match["said"] is None for match in middle)
        rows.append(Row(name=f"{thing}, marker 3σ: missed", hits=missed, total=len(middle), **at_most(0.10)))
        weak = _matches(outcomes, thing, ("appears",), WEAK)
        found = sum(match["said"] is not None for match in weak)
        rows.append(Row(name=f"{thing}, marker 1.5–2σ: found", hits=found, total=len(weak), **at_least(0.60)))
    for scenario in dict.fromkeys(one["scenario"] for one in outcomes if one["sigma"] >= STRONG[0]):
        some = [one for one in outcomes if one["scenario"] == scenario]
        for thing in ("marker", "KNa2"):
            found = _matches(some, thing, SWITCHES, STRONG)
            rows.append(Row(name=f"  {scenario}: {thing}, exact scan", hits=_off(found, 0), total=len(found), must=""))
    return rows


def _paper_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    paper = [one for one in outcomes if one["scenario"] == "paper"]
    statements = {
        "paper: (103) vanishes, within one scan": _marker_gone,
        "paper: the phase weakens there and stays": _phase_weakens,
    }
    rows = [Row(name=name, hits=_count(paper, said), total=len(paper), must="") for name, said in statements.items()]
    both = _count(paper, lambda one: _marker_gone(one) and _phase_weakens(one))
    return [*rows, Row(name="paper: both statements", hits=both, total=len(paper), **at_least(0.95))]


def _marker_gone(outcome: Outcome) -> bool:
    return any(m["thing"] == "marker" and m["kind"] == "vanishes" and m["off"] is not None and m["off"] <= 1 for m in outcome["matches"])


def _phase_weakens(outcome: Outcome) -> bool:
    weakens = any(m["thing"] == "KNa2" and m["kind"] == "weakens" and m["off"] is not None and m["off"] <= 1 for m in outcome["matches"])
    vanishes = any(event["kind"] == "vanishes" and event["hkl"] is None for event in outcome["false"])
    return weakens and not vanishes


def _coverage_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    asked = {"must": "92–98 %", "good": lambda seen: 0.92 <= seen <= 0.98}
    rows = []
    for name, sigma in (("all", (0.0, 1e9)), ("marker ≥ 5σ", STRONG), ("marker 3σ", MIDDLE), ("marker 1.5–2σ", WEAK)):
        for thing in ("marker", "KNa2"):
            said = [match for match in _matches(outcomes, thing, SWITCHES, sigma) if match["said"] is not None]
            hits = sum(bool(match["covered"]) for match in said)
            rows.append(Row(name=f"95 % intervals hold the truth: {thing}, {name}", hits=hits, total=len(said), **asked))
    return rows


def _air_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    with_air = [one for one in outcomes if one["contamination"]["true"]]
    clean = [one for one in outcomes if not one["contamination"]["true"]]
    found = [one for one in with_air if one["contamination"]["verdict"] == "found"]
    near = _count(found, lambda one: abs(one["contamination"]["onset"] - one["contamination"]["true_onset"]) <= 2)
    right = _count(found, lambda one: set(one["contamination"]["phases"]) & set(one["contamination"]["true"]))
    said = {verdict: _count(clean, lambda one, v=verdict: one["contamination"]["verdict"] == v) for verdict in ("found", "suspected")}
    return [
        Row(name="contamination ≥ 1 wt%: found", hits=len(found), total=len(with_air), **at_least(0.97)),
        Row(name="contamination: onset within two scans", hits=near, total=len(found), **at_least(0.95)),
        Row(name="contamination: a true member is named", hits=right, total=len(found), must=""),
        Row(name="contamination found where there is none", hits=said["found"], total=len(clean), **at_most(0.01)),
        Row(name="contamination suspected where there is none", hits=said["suspected"], total=len(clean), must=""),
    ]


@dataclass(frozen=True, kw_only=True)
class Tenth:
    """Scans whose presence was given a probability in one tenth: how many, of how many series, its mean, in what share the thing was there.

    error: standard error of said − true; the scans of one series are right or wrong together, so series are what is counted.
    """

    count: int
    series: int
    said: float
    true: float
    error: float

    @property
    def verdict(self) -> str:
        """Whether said and true are within 0.05 of one another; "within chance" where two errors bring them there."""
        beyond = abs(self.said - self.true) - 0.05
        return "yes" if beyond <= 0.0 else "no, within chance" if beyond <= 2.0 * self.error else "NO"


def reliability(outcomes: Iterable[Outcome]) -> list[Tenth]:
    """The tenths of the presence probability of KNa2 and of its marker together; a tenth without any scan is not listed."""
    bins: list[list[list[tuple[float, bool]]]] = [[] for _ in range(TENTHS)]
    for one in outcomes:
        own: list[list[tuple[float, bool]]] = [[] for _ in range(TENTHS)]
        for thing in one["presence"].values():
            for probability, there, _ in thing:
                own[min(int(probability * TENTHS), TENTHS - 1)].append((probability, there))
        for tenth, inside in zip(bins, own, strict=True):
            tenth += [inside] if inside else []
    return [_tenth(series) for series in bins if series]


def _tenth(series: list[list[tuple[float, bool]]]) -> Tenth:
    pairs = [pair for inside in series for pair in inside]
    said, true = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    off = [sum(there - probability for probability, there in inside) for inside in series]
    # a series that is wholly wrong is always possible: one more of them keeps a lone right series from looking certain
    error = (sum(each**2 for each in off) + 1.0) ** 0.5 / len(pairs)
    return Tenth(count=len(pairs), series=len(series), said=said, true=true, error=error)


def brier(outcomes: Iterable[Outcome], least: float = 3.0) -> tuple[float, int]:
    """Mean squared error of the presence probability in series whose marker has `least` sigmas or more, and of how many scans."""
    errors = [(p - there) ** 2 for one in outcomes if one["sigma"] >= least for thing in one["presence"].values() for p, there, _ in thing]
    return (sum(errors) / len(errors) if errors else 0.0), len(errors)


def _matches(outcomes: Sequence[Outcome], thing: str, kinds: tuple[str, ...], sigma: tuple[float, float]) -> list[MATCH]:
    held = [one for one in outcomes if not one["null"] and sigma[0] <= one["sigma"] <= sigma[1]]
    return [match for one in held for match in one["matches"] if match["thing"] == thing and match["kind"] in kinds]


def _off(matches: Sequence[MATCH], most: int) -> int:
    return sum(match["off"] is not None and match["off"] <= most for match in matches)


def _count(outcomes: Sequence[Outcome], test: Callable[[Outcome], object]) -> int:
    return sum(bool(test(one)) for one in outcomes)

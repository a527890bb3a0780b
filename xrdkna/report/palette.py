"""Colours that every reader can tell apart: Okabe & Ito (2008), and viridis for maps."""

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442"
GREY = "#777777"
# Yellow is left out of the cycle: on white it is hardly seen.
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STATE_COLOURS = {"rest": "#D9D9D9", "plating": SKY, "stripping": ORANGE, "unknown": "#F5F5F5"}
EVENT_COLOURS = {"appears": GREEN, "vanishes": VERMILION, "weakens": ORANGE, "strengthens": BLUE, "shifts": PURPLE}
VIRIDIS = (
    "#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725",
)  # fmt: skip
# Nothing at 0, so that it suits a light page and a dark one.
GREEN_FADE = [[0, "rgba(0,158,115,0.06)"], [1, "rgba(0,158,115,1)"]]


def colour(index: int) -> str:
    """Colour of the index-th phase or series; repeats after six, so a label or marker must tell as well."""
    return CYCLE[index % len(CYCLE)]


def marker(index: int) -> str:
    """Marker of the index-th series; seven markers against six colours make 42 pairs before one repeats."""
    return MARKERS[index % len(MARKERS)]

"""Where the strongest separate maxima of a scan are, and how wide at half height: compiled, for every point is looked at."""

import numpy as np

from xrdkna.find.grid import Grid
from xrdkna.find.kernel import NOWHERE, place_of
from xrdkna.physics.compiled import compiled_strictly
from xrdkna.records.arrays import FloatArray, IntArray

# Running means of this many points are looked at …
LENGTHS = (1, 3, 9, 27)
# … and a longer one must gain a quarter before it replaces a shorter one: the shorter keeps the width.
WORTH_MORE = 1.25
# A maximum is looked at when it stands this many σ above the background.
CLEAR = 8.0
# No line reaches further than so many points to its half height.
FURTHEST = 2000
# A spectral line beyond this (degrees) is no part of the same maximum.
SAME_MAXIMUM = 1.5
# Area of a line over top times width, about that of a Gaussian and a Lorentzian mixed.
AREA_SHARE = 1.2


@compiled_strictly
def strongest_places(grid: Grid, most: int, narrowest: float, widest: float) -> FloatArray:
    """(m, 3): position, area and width of up to `most` maxima, in rising position."""
    net = grid.intensity - grid.background
    best, length = _clearest_means(grid, net, widest)
    clear = np.flatnonzero(best > CLEAR)
    order = clear[np.argsort(-net[clear], kind="mergesort")]
    free = np.ones(net.size, dtype=np.bool_)
    found = np.empty((most, 3))
    count = 0
    for place in order:
        if count == most:
            break
        if not free[place]:
            continue
        reach = length[place] // 2
        top = net[max(place - reach, 0) : place + reach + 1].mean()
        left = right = place
        while left > 0 and net[left - 1] > 0.5 * top and place - left < FURTHEST:
            left -= 1
        while right < net.size - 1 and net[right + 1] > 0.5 * top and right - place < FURTHEST:
            right += 1
        width = max(grid.two_theta[right] - grid.two_theta[left] + grid.step, length[place] * grid.step, narrowest)
        centre = grid.two_theta[place]
        end = centre
        for ratio in grid.ratios:
            partner = place_of(centre, ratio)
            if partner != NOWHERE and partner - centre < SAME_MAXIMUM:
                end = max(end, partner)
        free[np.searchsorted(grid.two_theta, centre - 3.0 * width) : np.searchsorted(grid.two_theta, end + 3.0 * width)] = False
        if width < widest:
            found[count] = (centre, top * width * AREA_SHARE / grid.shares[0], width)
            count += 1
    return found[np.argsort(found[:count, 0])]


@compiled_strictly
def _clearest_means(grid: Grid, net: FloatArray, widest: float) -> tuple[FloatArray, IntArray]:
    """(n,) significance of the clearest running mean about each point, and its length."""
    n = net.size
    total, variance = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        level = grid.background[i] + max(net[i], 0.0)
        total[i + 1] = total[i] + net[i]
        variance[i + 1] = variance[i] + (grid.gain[i] * level if grid.poisson else grid.variance[i])
    best, length = np.zeros(n), np.ones(n, dtype=np.int64)
    for points in LENGTHS:
        if points * grid.step > widest:
            break
        for i in range(n):
            low, high = max(i - points // 2, 0), min(i + points // 2 + 1, n)
            z = (total[high] - total[low]) / np.sqrt(max(variance[high] - variance[low], 1e-30))
            if z > WORTH_MORE * best[i]:
                best[i], length[i] = z, points
    return best, length

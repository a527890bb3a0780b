"""Measured scans: every peak where a crystal's cell puts one, every strong line found."""

import itertools
import re

import numpy as np
import pytest

from xrdkna.find import find_peaks

COPPER_KA1 = 1.5405929


def angles(inverse_d_squared):
    sines = COPPER_KA1 / 2 * np.sqrt(np.unique(np.round(inverse_d_squared, 9)))
    return 2 * np.degrees(np.arcsin(sines[(sines > 0) & (sines < 1)]))


def corundum_lines():
    # R-3c, hexagonal axes, a 4.7591, c 12.9918 (NIST SRM 676a): −h + k + l = 3n, and for (h -h l) l even.
    values = [
        4 / 3 * (h * h + h * k + k * k) / 4.7591**2 + (l / 12.9918) ** 2
        for h, k, l in itertools.product(range(-7, 8), range(-7, 8), range(18))
        if (-h + k + l) % 3 == 0
    ]
    return angles(values)


def test_every_peak_of_corundum_lies_where_its_cell_puts_a_line(measured, real_file):
    data = np.loadtxt(real_file("qpa/corundum.prn"))
    found = np.array([peak.two_theta.value for peak in find_peaks(measured(data[:, 0], data[:, 1])).peaks])
    lines = corundum_lines()
    assert len(found) >= 30
    assert np.abs(found[:, None] - lines).min(axis=1).max() < 0.1
    for strong in (25.58, 35.15, 37.78, 43.35, 52.55, 57.50, 66.52, 68.21, 76.87):
        assert np.abs(found - strong).min() < 0.1


def test_the_lanthanum_hexaboride_standard_shows_its_24_lines_and_no_other(measured, real_file):
    text = real_file("certified/nist_srm660c_100a.cif").read_text(encoding="utf-8")
    block = text.split("_pd_proc_ls_weight")[1]
    rows = re.findall(r"^\s+([\d.]+)\s+([\d.]+)\s+([\d.e+-]+)\s*$", block, flags=re.MULTILINE)
    data = np.array(rows, dtype=float)
    x, first = np.unique(data[:, 0], return_index=True)
    pattern = measured(x, data[first, 1], sigma=1 / np.sqrt(data[first, 2]))
    answer = find_peaks(pattern)
    lines = angles([(h * h + k * k + l * l) / 4.156780**2 for h, k, l in itertools.product(range(8), repeat=3)])
    lines = lines[(lines > x[0]) & (lines < x[-1])]
    found = np.array([peak.two_theta.value for peak in answer.peaks])
    assert found.size == lines.size == 24
    assert np.abs(found - lines).max() < 0.1


def test_the_second_line_of_the_doublet_never_shows_as_a_peak(measured, real_file):
    data = np.loadtxt(real_file("qpa/fluorite.prn"))
    found = np.array([peak.two_theta.value for peak in find_peaks(measured(data[:, 0], data[:, 1])).peaks])
    second = 2 * np.degrees(np.arcsin(1.5444274 / COPPER_KA1 * np.sin(np.radians(found / 2))))
    above = found[found > 60]
    assert all(np.abs(found - place).min() > 0.05 for place in second[found > 60])
    assert above.size >= 10


@pytest.mark.parametrize("name", ["1355639", "1355671"])
def test_the_operando_cell_shows_its_aluminium_foil(measured, synchrotron, real_file, name):
    data = np.loadtxt(real_file(f"series/coincell8_LDE2/xrd_data/{name}_summed_mythen3.xye"))
    answer = find_peaks(measured(data[:, 0], data[:, 1], sigma=data[:, 2], instrument=synchrotron))
    found = np.array([peak.two_theta.value for peak in answer.peaks])
    # (111), (220), (311); (200) stands in the tail of the casing's strongest line.
    for hkl in (3, 8, 11):
        line = 2 * np.degrees(np.arcsin(0.4939 * np.sqrt(hkl) / 2 / 4.0495))
        assert np.abs(found - line).min() < 0.1

"""Phases known by their lines only, and ranges that hold none or too many."""

from dataclasses import replace

import numpy as np
import pytest

from xrdkna.errors import UsageError
from xrdkna.phases.overlaps import line_list
from xrdkna.phases.reflections import reflections_of
from xrdkna.physics.radiation import monochromatic_radiation
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Library


def test_published_intensities_come_back_out(library: Library, copper: Instrument) -> None:
    phase = library.phases["gamma-Al2O3"]
    lines = line_list(reflections_of(phase, instrument=copper, two_theta_max=100), instrument=copper)
    listed = {line.hkl: line.intensity for line in phase.listed}
    assert len(lines) == 9
    for line in lines:
        assert 100 * line.intensity == pytest.approx(listed[line.hkl], rel=1e-9)


def test_a_listed_line_without_an_index_keeps_its_spacing(library: Library, copper: Instrument) -> None:
    phase = library.phases["gamma-Al2O3"]
    nameless = replace(phase, listed=tuple(replace(line, hkl=None, d_spacing=line.d_spacing * 1.001) for line in phase.listed))
    reflections = reflections_of(nameless, instrument=copper, two_theta_max=100)
    assert not reflections.hkl.any()
    np.testing.assert_allclose(reflections.d_spacing, [line.d_spacing * 1.001 for line in phase.listed[:9]])


def test_a_range_with_too_many_lines_is_refused_with_a_way_out(library: Library) -> None:
    hard = Instrument(radiation=monochromatic_radiation(0.01))
    with pytest.raises(UsageError, match=r"KNa2 has too many lines .* choose a lower highest angle"):
        reflections_of(library.phases["KNa2"], instrument=hard)


def test_a_range_below_the_first_line_is_empty_and_not_an_error(library: Library, copper: Instrument) -> None:
    assert len(reflections_of(library.phases["Al"], instrument=copper, two_theta_max=20).hkl) == 0

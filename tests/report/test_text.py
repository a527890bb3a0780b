"""Terminal summaries."""

import dataclasses
import math
import subprocess
import sys

import numpy as np

from xrdkna.records.phases import Cell, ListedLine, Phase, Reflections
from xrdkna.records.refinement import Parameter
from xrdkna.records.values import Estimate
from xrdkna.report.lines import strongest_lines
from xrdkna.report.plain import paragraph, table
from xrdkna.report.text import index_summary, peaks_summary, refine_summary, track_summary
from xrdkna.report.text_phases import lines_summary, overlaps_summary, phases_summary

SLOW = ("matplotlib", "plotly", "jinja2", "rich", "scipy", "pymatgen", "lmfit", "numba")


def test_the_first_sentence_is_the_answer(make_index):
    lines = index_summary(make_index(extra=20)).splitlines()
    assert lines[0].startswith("tai_KNA-3.5 · 3501 points · 10–80° 2θ · CuKa")
    assert lines[2] == "• Present: Al (62.0(8) wt%) and K (30.4(10) wt%)."


def test_absent_phases_do_not_crowd_the_table(make_index):
    summary = index_summary(make_index(extra=20))
    assert "and 9 more." in summary
    assert not [line for line in summary.splitlines() if line.startswith("absent 3")]


def test_cells_and_weights_carry_their_uncertainty(make_index):
    summary = refine_summary(make_index())
    assert "a 5.3284(3)" in summary
    assert "a 7.501(4), c 12.312(9)" in summary
    assert "at its bound" in summary


def test_only_texture_that_is_sure_is_told_and_its_parameters_stay_out_of_the_table(make_index):
    index = make_index()
    fit = index.refinement
    sure, unsure = Estimate(value=3.0, esd=0.1, unit=""), Estimate(value=1.2, esd=0.3, unit="")
    textured = dataclasses.replace(fit.phases[0], texture={"1 1 1": sure, "2 0 0": unsure})
    many = [Parameter(name=f"background_{k}", value=unsure, lower=None, upper=None, at_bound=False, refined=True) for k in range(9)]
    changed = dataclasses.replace(fit, phases=(textured, *fit.phases[1:]), parameters=(*fit.parameters, *many))
    summary = refine_summary(dataclasses.replace(index, refinement=changed))
    assert f"Texture multiplies lines of {textured.phase}: (1 1 1) by 3.00(10)." in summary
    assert "(2 0 0) by" not in summary
    assert "background_0" not in summary
    assert "9 parameters of background and texture" in summary


def test_a_number_is_not_torn_from_its_unit_at_the_end_of_a_line():
    for width in range(30, 60):
        lines = paragraph("no phase above 0.58 wt% in a scan (95 %), KNa2 (1 0 3) at 25.66 ± 0.02 °", width=width).splitlines()
        assert not any(line.endswith(("0.58", "(95", "(1", "(1 0", "±", "25.66")) for line in lines)


def test_the_strongest_lines_are_those_where_people_measure(facts):
    cell = Cell(a=3.59, b=3.59, c=3.59)
    hkl = np.array([[1, 1, 1], [2, 0, 0], [4, 2, 0]])
    reflections = Reflections(
        phase="steel", role="hardware", crystal_system="cubic", cell=cell, cell_mass=0.0, positions_only=False, hkl=hkl,
        multiplicity=[8.0, 6.0, 24.0], f_squared=[100.0, 90.0, 90.0], d_spacing=3.59 / np.sqrt((hkl**2).sum(axis=1)),
    )  # fmt: skip
    assert [line.hkl for line in strongest_lines(reflections, facts.instrument, 3)] == [(1, 1, 1), (2, 0, 0)], "(4 2 0) is at 147°"
    bare = strongest_lines(reflections, None, 3)
    assert [line.two_theta for line in bare] == [None, None]
    assert bare[0].d_spacing == 3.59 / np.sqrt(3)


def test_a_doubtful_fit_says_why_before_its_numbers_are_used(make_index):
    index = make_index()
    fit = dataclasses.replace(index.refinement, verdict="rejected", reasons=("The difference shows three strong lines.",))
    summary = index_summary(dataclasses.replace(index, refinement=fit, verdict="rejected"))
    assert "must not be used" in summary
    assert "Present: Al and K." in summary, "no weights from a fit that was rejected"
    assert "three strong lines" in " ".join(summary.split())


def test_a_series_tells_its_events_contamination_and_open_questions(make_track):
    summary = track_summary(make_track())
    assert "• KNa2 (1 0 3) appears and vanishes; KNa2 (1 1 2) weakens." in summary
    assert "12 scans over 4.18 h, 11 of them used." in summary
    assert "scan_005 (the file is cut off)" in summary
    assert summary.count("No line of K2CO3 or of any other product of air is seen.") == 1
    assert "• Whether Al2O3 (0 1 2) hides part of KNa2 (1 0 3)." in summary
    assert "Copy the file again." in summary


def test_nothing_found_is_said_and_contamination_is_not_ruled_out_unasked(empty_index):
    summary = index_summary(empty_index)
    assert "No line stands out of the noise." in summary
    assert "contamination" not in summary.lower()


def test_peaks_are_numbered_in_rising_angle(facts, found):
    rows = [line for line in peaks_summary(facts, found).splitlines() if line.strip()[:1].isdigit()]
    assert [int(row.split()[0]) for row in rows] == list(range(1, 12))
    assert "23.600(3)" in rows[0]


def test_no_line_of_a_paragraph_is_wider_than_a_terminal(make_index, make_track):
    long = make_index(rename={"K": "an unreasonably long phase name " * 5})
    for summary in (index_summary(long), track_summary(make_track(many=30))):
        assert max(len(line) for line in summary.splitlines()) <= 120


def test_columns_line_up_with_wide_and_combining_signs():
    drawn = table(("name", "x"), [["铝", "1"], ["é", "2"], ["Al2O3", "3"]]).splitlines()
    assert drawn[2].index("1") == 6  # one sign fewer than its columns
    assert drawn[4].index("3", 5) == 7


def test_importing_the_reports_loads_no_slow_library():
    code = (
        "import sys, xrdkna.report.document, xrdkna.report.table, xrdkna.report.figures, xrdkna.report.html, xrdkna.report.text, "
        "xrdkna.report.text_phases\n"
        f"print(sorted(set(sys.modules) & set({SLOW!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_phase_with_its_lines_and_overlaps_reads_as_a_table(facts):
    cell = Cell(a=5.64, b=9.839, c=6.874, beta=98.7)
    spacing = 1.5405929 / (2.0 * math.sin(math.radians(31.63 / 2.0)))
    phase = Phase(
        name="K2CO3", formula="K2CO3", role="contamination", crystal_system="monoclinic", space_group="P2_1/c", space_group_number=14,
        cell=cell, sites=(), cell_mass=0.0, source="Gatehouse & Lloyd 1973", listed=(ListedLine(d_spacing=2.826, intensity=100.0),),
    )  # fmt: skip
    reflections = Reflections(
        phase="K2CO3", role="contamination", crystal_system="monoclinic", cell=cell, cell_mass=0.0, positions_only=True,
        hkl=[[1, 3, 0]], multiplicity=[4.0], f_squared=[100.0], d_spacing=[spacing],
    )  # fmt: skip
    library = phases_summary([phase], reflections={"K2CO3": reflections}, instrument=facts.instrument)
    assert "a 5.64 Å, b 9.839 Å, c 6.874 Å, beta 98.7°" in library
    assert "K2CO3 (positions only)" in library
    assert "31.63 (1 3 0)" in library
    assert "31.6300" in lines_summary(phase, reflections, facts.instrument)
    assert phases_summary([]) == "The library holds no phase."
    assert overlaps_summary([], width=0.1) == "No two lines of different phases lie closer than 0.1° 2θ."

"""What the first whole version promises of single scans (issue 2, "done when"), on measured and on simulated data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xrdkna import Settings, index_scan, load_library, radiation_from_text, read_scan, refine_scan
from xrdkna.report.document import index_document, refine_document

Document = dict[str, Any]
Ask = Callable[..., Document]  # conftest's fixture `answer`

FLUORITE, ZINCITE = "CaF2-Fluorite", "ZnO-Zincite"
LABORATORY = ("--radiation", "CuKa", "--radius", 240)


def present(document: Document) -> set[str]:
    return {phase["phase"] for phase in document["phases"] if phase["verdict"] == "present"}


def verdict_on(document: Document, phase: str) -> Document:
    return next(entry for entry in document["phases"] if entry["phase"] == phase)


def unindexed(document: Document, *, above: float = 0.0) -> list[float]:
    """2θ of the lines that nothing explains, above so many sigmas."""
    return [peak["two_theta"]["value"] for peak in document["peaks"] if peak["status"] == "unindexed" and peak["snr"] > above]


@pytest.fixture
def round_robin(real_file: Callable[[str], Path]) -> tuple[object, ...]:
    """Options for the IUCr quantitative round robin: its phases that the library does not hold, and its tube."""
    cifs = [real_file(f"structures/{name}.cif") for name in (FLUORITE, ZINCITE)]
    return ("--cif", cifs[0], "--cif", cifs[1], "--radiation", "CuKa")


def test_the_round_robin_mixture_holds_its_three_phases_and_nothing_else(
    answer: Ask, real_file: Callable[[str], Path], round_robin: tuple[object, ...]
) -> None:
    document = answer("index", real_file("qpa/cpd-1e.prn"), *round_robin)
    assert present(document) == {"Al2O3", FLUORITE, ZINCITE}
    assert unindexed(document, above=5.0) == []
    assert document["contamination"]["verdict"] == "none"


@pytest.mark.parametrize(("name", "phase"), [("corundum", "Al2O3"), ("fluorite", FLUORITE), ("zincite", ZINCITE)])
def test_a_pure_powder_of_the_round_robin_is_one_phase(
    name: str, phase: str, answer: Ask, real_file: Callable[[str], Path], round_robin: tuple[object, ...]
) -> None:
    document = answer("index", real_file(f"qpa/{name}.prn"), *round_robin)
    assert present(document) == {phase}


def test_the_leaking_cell_is_called_and_its_carbonate_named(answer: Ask, samples: Path) -> None:
    document = answer("index", samples / "contaminated.xy", *LABORATORY)
    assert present(document) == {"Al", "Al2O3", "K", "K2CO3"}
    assert document["contamination"]["verdict"] == "found"
    assert document["contamination"]["phases"] == ["K2CO3"]
    carbonate = verdict_on(document, "K2CO3")["weight_fraction"]
    assert abs(carbonate["value"] - 0.0459) < 3.0 * carbonate["esd"]
    assert carbonate["esd"] < 0.01
    assert unindexed(document) == []


def test_the_same_cell_refined_with_its_phases_gives_the_planted_weights(answer: Ask, samples: Path) -> None:
    document = answer("refine", samples / "contaminated.xy", *LABORATORY, "--phases", "Al,Al2O3,K,K2CO3")
    assert document["verdict"] == "accepted"
    for phase, planted in (("Al", 0.4587), ("Al2O3", 0.4587), ("K", 0.0367), ("K2CO3", 0.0459)):
        weight = verdict_on(document, phase)["weight_fraction"]
        assert abs(weight["value"] - planted) < 4.0 * weight["esd"]
        assert weight["esd"] < 0.03


def test_the_empty_cell_shows_a_halo_and_no_line_and_no_phase(answer: Ask, samples: Path) -> None:
    document = answer("index", samples / "empty.xy", *LABORATORY)
    assert document["peaks"] == []
    assert {phase["verdict"] for phase in document["phases"]} == {"absent"}
    assert document["contamination"]["verdict"] == "none"
    assert document["halo"]["verdict"] == "present"
    assert 19.0 <= document["halo"]["two_theta"]["value"] <= 21.5, "the two halos lie at 19.0 and 21.5 degrees"


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("KNA-0", {"K", "K2CO3"}),
        ("KNA-1.8", {"K", "K2CO3"}),
        ("KNA-3.5", {"K", "K2CO3"}),  # K so textured that (1 1 0) is all but gone
        ("KNA-33.7", set()),
    ],
)
def test_an_ex_situ_alloy_shows_the_phases_it_is_made_of(name: str, phases: set[str], answer: Ask, samples: Path) -> None:
    document = answer("index", samples / "exsitu" / f"{name}.xy", *LABORATORY)
    assert present(document) == phases
    assert (document["contamination"]["verdict"] == "found") is ("K2CO3" in phases)


def test_a_trace_of_carbonate_on_a_liquid_alloy_is_not_taken_for_another_phase(answer: Ask, samples: Path) -> None:
    document = answer("index", samples / "exsitu" / "KNA-5.0.xy", *LABORATORY)
    assert present(document) <= {"K2CO3"}
    assert document["halo"]["verdict"] == "present"


def test_the_papers_operando_list_is_bcc_k_without_kna2_110_and_with_carbonate_proposed(answer: Ask, samples: Path) -> None:
    """Tai et al. 2021, Fig. 2: K is printed as fcc, 24.5° as KNa2 (1 1 0), and 31.6° as "cannot be indexed"."""
    document = answer("index", "--lines", samples / "paper_lines.csv", "--radiation", "CuKa")
    lines = {peak["two_theta"]["value"]: peak for peak in document["peaks"]}
    said_of_k = " ".join(verdict_on(document, "K")["reasons"])
    assert "body-centred (bcc)" in said_of_k
    assert "forbidden in fcc" in said_of_k
    assert lines[24.5]["published"] == {"phase": "KNa2", "hkl": [1, 1, 0]}
    assert lines[24.5]["published_verdict"] == "disagrees"
    assert not any(entry["phase"] == "KNa2" and entry["hkl"] == [1, 1, 0] for entry in lines[24.5]["assignments"])
    assert lines[25.7]["published_verdict"] == lines[28.4]["published_verdict"] == "agrees"
    assert lines[31.6]["published"] is None
    assert any(entry["phase"] == "K2CO3" and entry["hkl"] == [1, 3, 0] for entry in lines[31.6]["assignments"])
    assert "K2CO3 (1 3 0)" in lines[31.6]["sentence"]


def test_among_the_phases_of_the_paper_carbonate_130_is_the_first_proposal_for_its_unknown_line(answer: Ask, samples: Path) -> None:
    document = answer("index", "--lines", samples / "paper_lines.csv", "--radiation", "CuKa", "--phases", "K,KNa2,K2CO3,Al,Al2O3")
    (line,) = (peak for peak in document["peaks"] if peak["two_theta"]["value"] == 31.6)
    assert (line["assignments"][0]["phase"], line["assignments"][0]["hkl"]) == ("K2CO3", [1, 3, 0])


def test_the_papers_ex_situ_list_is_bcc_k(answer: Ask, samples: Path) -> None:
    document = answer("index", "--lines", samples / "paper_lines_exsitu.csv", "--radiation", "CuKa")
    assert present(document) == {"K"}
    said_of_k = " ".join(verdict_on(document, "K")["reasons"])
    assert "body-centred (bcc)" in said_of_k
    assert "forbidden in fcc" in said_of_k


def test_python_and_the_command_line_give_the_same_document(answer: Ask, samples: Path) -> None:
    phases = ("K", "K2CO3", "Al", "Al2O3")
    library, scan = load_library(), read_scan(samples / "contaminated.xy")
    settings = Settings(radiation=radiation_from_text("CuKa"), radius_mm=240.0, phases=phases)
    options = ("--radiation", "CuKa", "--radius", 240, "--phases", ",".join(phases))
    for command, document in (
        ("index", index_document(index_scan(scan, library, settings))),
        ("refine", refine_document(refine_scan(scan, library, settings))),
    ):
        assert json.loads(json.dumps(document, allow_nan=False)) == answer(command, samples / "contaminated.xy", *options)

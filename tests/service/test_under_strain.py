"""Crashes, load, and everything the OpenAPI document allows: short here, in full with XRDKNA_FULL=1 or by the commands in the files."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FULL = os.environ.get("XRDKNA_FULL", "") not in ("", "0")
HERE = Path(__file__).parent
# What the service promises of every answer. (That a well-formed wish may be refused, such as an unknown wavelength, is no failure.)
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"


def tool(name: str) -> ModuleType:
    """One of the commands beside this file."""
    spec = importlib.util.spec_from_file_location(f"service_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_kills_at_random_lose_no_upload_and_change_no_answer(tmp_path: Path) -> None:
    crash, (kills, scans) = tool("crash"), (50, 300) if FULL else (4, 12)
    disturbed = crash.ingest(tmp_path / "disturbed", scans=scans, kills=kills, seed=7)
    calm = crash.ingest(tmp_path / "calm", scans=scans, kills=0, seed=7)
    assert disturbed["server_kills"] + disturbed["worker_kills"] == kills
    assert crash.differences(disturbed, calm, scans=scans) == []


def test_the_comparison_above_would_see_a_loss() -> None:
    crash = tool("crash")
    calm = {"files": [("scan_000.xy", "a", "read"), ("scan_001.xy", "b", "read")], "track": "x", "table": "y"}
    assert crash.differences(calm, calm, scans=2) == []
    assert crash.differences({**calm, "files": calm["files"][:1]}, calm, scans=2) != []
    assert crash.differences({**calm, "files": [*calm["files"], calm["files"][0]]}, calm, scans=2) != []
    assert crash.differences({**calm, "track": "z"}, calm, scans=2) == ["track differs from the undisturbed run's"]


def test_many_clients_at_once_meet_no_error(running: Callable[..., Any]) -> None:
    load = tool("load")
    clients, seconds = (20, 120.0) if FULL else (6, 12.0)
    measured = load.run(running(), tool("crash").helpers(), clients=clients, seconds=seconds)
    assert measured.errors == []
    assert measured.uploads
    if FULL:  # a time says something only where the machine has nothing else to do
        assert load.problems(measured) == []


def test_no_request_that_the_document_allows_or_forbids_breaks_the_service(service: Any, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists():
        pytest.skip("schemathesis is not installed beside this Python")
    examples = "60" if FULL else "2"
    options = ["--checks", CHECKS, "--max-examples", examples, "--request-timeout", "100", "--suppress-health-check", "all"]
    # The stream of events has no end, which its client would wait for.
    words = [str(program), "run", f"{service.base}/openapi.json", *options, "--exclude-path-regex", "stream", "--seed", "1", "--no-color"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Test cases" in done.stdout

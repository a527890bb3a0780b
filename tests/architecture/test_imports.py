"""The walls of the house: who may import whom, and by which door a foreign library enters."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "xrdkna"

GROUND = {"errors", "records", "physics"}
STAGES = {"read", "phases", "correct", "find", "match", "refine", "track", "simulate", "report"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "records": {"errors"},
    "physics": {"records", "errors"},
    **{stage: set(GROUND) for stage in STAGES},
    "pipeline": STAGES | GROUND,
    "run": {"pipeline"} | GROUND,  # many scans at once; not built yet
    "edge": {"run", "pipeline"} | STAGES | GROUND,
    "__main__": {"edge"},  # python -m xrdkna
    "": {"pipeline", "read", "phases", "physics"},  # xrdkna/__init__.py: the public API, loaded lazily
}

NOT_BUILT = {"run"}

# The chambers of the large rooms, from the ground up: each imports only those before it (and what stands in the room's own hall).
CHAMBERS = {
    "read": ("exchange", "vendors"),
    "refine": ("kernels", "forward", "search", "trust", "following"),
    "track": ("cell", "signal", "paths", "change", "air", "strangers"),
}

# numpy and scipy are the language here; everything else from outside comes in through a door.
LANGUAGE = {"numpy", "scipy"}
DOORS: dict[str, set[str]] = {
    "alembic": {"edge.store"},
    "click": {"edge"},
    "galvani": {"read.biologic"},
    "gemmi": {"phases.dispersion", "read.exchange.pdcif"},  # scattering factors; the text of CIF
    "h5py": {"read.exchange.hdf", "report.nexus_file"},
    "defusedxml": {"read.xml_tree"},
    "fastapi": {"edge.http", "edge.page.routes"},
    "jinja2": {"report.html", "edge.page.rendering"},
    "markupsafe": {"report.html"},  # a part of jinja2
    "lmfit": {"refine.forward.parameters"},
    "matplotlib": {"report.canvas"},
    "NewareNDA": {"read.neware"},
    "numba": {"physics.compiled"},
    "plotly": {"report.html"},
    "prometheus_client": {"edge.http.metrics"},
    "pydantic": {"edge.http"},  # a part of fastapi
    "pymatgen": {"phases.cif_blocks"},
    "python_calamine": {"read.workbook"},
    "pyarrow": {"report.parquet"},
    "rich": {"edge.progress"},
    "sqlalchemy": {"edge.store", "edge.http", "edge.work", "edge.watch", "edge.page.routes"},
    "starlette": {"edge.http", "edge.page.routes"},  # what fastapi is made of
    "threadpoolctl": {"refine.threads"},
    "uvicorn": {"edge.http.server"},
    "watchfiles": {"edge.watch.settled"},
    "xrayutilities": {"phases.dispersion", "simulate.engine"},  # scattering factors; profiles by another engine than the fit's
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    """Name inside the package: "edge.commands.index"; a package's __init__ has the package's name, the root ""."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Every module name imported anywhere in the file: at the top, in functions, under TYPE_CHECKING, by importlib."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import; write it out"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__"):
            found |= {str(name.value) for name in node.args[:1] if isinstance(name, ast.Constant)}
    return tuple(sorted(found))


def own_imports(path: Path) -> Iterator[str]:
    """What the file imports from xrdkna, without the leading "xrdkna."."""
    for name in imports_of(path):
        top, _, rest = name.partition(".")
        if top == "xrdkna" and rest:
            yield rest


def module_imports(path: Path, known: set[str]) -> set[str]:
    """The modules of this package that the file imports: "records.scan.Scan" is the module "records.scan"."""
    return {name if name in known else name.rpartition(".")[0] for name in own_imports(path)} & known


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_a_room_imports_only_what_its_row_of_the_table_allows(path: Path) -> None:
    room = dotted(path).partition(".")[0]
    assert room in MAY_IMPORT, f"{room} is no room of this house"
    names_only = {"__version__"} if room == "edge" else set()
    strangers = {name for name in own_imports(path) if name.partition(".")[0] not in MAY_IMPORT[room] | {room} | names_only}
    assert not strangers, f"{dotted(path)} may not import {sorted(strangers)}"


@pytest.mark.parametrize("room", sorted(CHAMBERS))
def test_a_chamber_imports_only_those_below_it(room: str) -> None:
    order = CHAMBERS[room]
    assert {path.name for path in (PACKAGE / room).iterdir() if (path / "__init__.py").exists()} == set(order)
    for path in (PACKAGE / room).rglob("*.py"):
        chamber = [*dotted(path).split("."), ""][1]
        if chamber in order:
            above = {f"{room}.{name}" for name in order[order.index(chamber) + 1 :]}
            upward = {name for name in own_imports(path) if ".".join(name.split(".")[:2]) in above}
            assert not upward, f"{dotted(path)} looks upward: {sorted(upward)}"


def test_every_room_of_the_table_is_there_and_none_is_empty() -> None:
    """A room without a module that does something is a sign on a door with nothing behind it."""
    built = {dotted(path).partition(".")[0] for path in modules() if path.name != "__init__.py"}
    assert built == set(MAY_IMPORT) - {""} - NOT_BUILT
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert folders <= built, f"{sorted(folders - built)} hold nothing"


def test_no_module_imports_itself_by_a_detour() -> None:
    paths = {dotted(path): path for path in modules()}
    graph = {name: module_imports(path, set(paths)) for name, path in paths.items()}
    while graph:
        leaves = {name for name, uses in graph.items() if not uses & set(graph) - {name}}
        assert leaves, f"these modules import each other in a circle: {sorted(graph)}"
        graph = {name: uses for name, uses in graph.items() if name not in leaves}


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_a_foreign_library_enters_only_by_its_door(path: Path) -> None:
    name = dotted(path)
    foreign = {imported.partition(".")[0] for imported in imports_of(path)} - sys.stdlib_module_names - LANGUAGE - {"xrdkna"}
    for library in sorted(foreign):
        doors = DOORS.get(library)
        assert doors, f"{name} imports {library}, which has no door yet; add it to DOORS if the project is to depend on it"
        assert any(name == door or name.startswith(door + ".") for door in doors), f"{name} imports {library}; its door is {sorted(doors)}"


@pytest.mark.parametrize("library", sorted(DOORS))
def test_every_door_is_used(library: str) -> None:
    users = {dotted(path) for path in modules() if any(name.partition(".")[0] == library for name in imports_of(path))}
    idle = {door for door in DOORS[library] if not any(user == door or user.startswith(door + ".") for user in users)}
    assert not idle, f"no module behind {sorted(idle)} imports {library}"

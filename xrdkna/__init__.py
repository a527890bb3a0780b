"""What is in this diffractogram, and when did it appear.

The straight line as a Python API; every name below is loaded when it is first used, so `import xrdkna` costs nothing:

    import xrdkna

    library = xrdkna.load_library()
    scan = xrdkna.read_scan("scan.xy")
    answer = xrdkna.index_scan(scan, library, xrdkna.Settings())
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xrdkna.phases.library import load_library
    from xrdkna.physics.radiation import radiation_from_text
    from xrdkna.pipeline import Settings, find_peaks_of, index_lines, index_scan, refine_scan, track_series
    from xrdkna.read.formats import read_scan
    from xrdkna.read.series import read_series

    __version__: str

# name → module that defines it
_HOMES = {
    "Settings": "xrdkna.pipeline",
    "find_peaks_of": "xrdkna.pipeline",
    "index_lines": "xrdkna.pipeline",
    "index_scan": "xrdkna.pipeline",
    "load_library": "xrdkna.phases.library",
    "radiation_from_text": "xrdkna.physics.radiation",
    "read_scan": "xrdkna.read.formats",
    "read_series": "xrdkna.read.series",
    "refine_scan": "xrdkna.pipeline",
    "track_series": "xrdkna.pipeline",
}

__all__ = [
    "Settings",
    "__version__",
    "find_peaks_of",
    "index_lines",
    "index_scan",
    "load_library",
    "radiation_from_text",
    "read_scan",
    "read_series",
    "refine_scan",
    "track_series",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("xrdkna")
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'xrdkna' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

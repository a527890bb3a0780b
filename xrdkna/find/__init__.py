"""Pattern to Peaks."""

from xrdkna.find.peaks import find_peaks
from xrdkna.find.settings import FindSettings

__all__ = ["FindSettings", "find_peaks"]

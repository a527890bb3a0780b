"""Scan to Pattern: noise on an absolute scale, mask, background estimate."""

from xrdkna.correct.scan import correct_scan
from xrdkna.correct.settings import CorrectSettings

__all__ = ["CorrectSettings", "correct_scan"]

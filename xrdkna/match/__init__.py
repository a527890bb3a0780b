"""Peaks and Reflections to verdicts."""

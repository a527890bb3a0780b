"""Compiled loops: lines, profiles, derivatives, normal equations."""

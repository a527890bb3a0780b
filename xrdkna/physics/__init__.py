"""Formulas, one at a time, each with its source. Degrees and Å at every border."""

"""Contamination: the air family judged together, its onset, its growth and its words."""

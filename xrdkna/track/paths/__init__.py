"""Presence through time: the states a phase passes through, and when it passes them."""

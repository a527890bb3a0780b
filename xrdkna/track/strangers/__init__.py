"""Lines of no phase, linked through time and grouped."""

"""How far a fit may be believed: doubts, limits, what cannot be told apart."""

"""Recipe to a series with its truth, by an engine that is not the fitting model."""

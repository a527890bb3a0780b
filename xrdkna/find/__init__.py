"""Pattern to Peaks."""

"""What changes while it is there: levels, steps, drifts, trends, texture, crystallinity."""

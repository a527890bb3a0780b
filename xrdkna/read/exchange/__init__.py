"""Files that many programs write: each format in its own module."""

"""A series and a function that observes one scan, to a Track."""

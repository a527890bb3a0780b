"""The command line: translates, never computes."""

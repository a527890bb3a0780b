"""The pattern a set of parameters predicts, and its derivatives."""

"""Pattern and Reflections to Refinement: the whole-pattern fit."""

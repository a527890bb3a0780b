"""One more scan of a series: the warm chain and what it says of areas."""

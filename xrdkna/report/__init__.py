"""Records to JSON, CSV, figures and HTML."""

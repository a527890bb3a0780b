"""The web page: rendered here, drawn in the browser by a small script and plotly, from this machine alone."""

"""Files of one maker's diffractometers: each format in its own module."""

"""The HTTP service: the command line's vocabulary under /api/v1. It translates and keeps; workers compute."""

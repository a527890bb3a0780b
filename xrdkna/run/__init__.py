"""Many scans: processes, progress, resume."""

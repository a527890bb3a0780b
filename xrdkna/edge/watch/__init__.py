"""Folders that are still being written to: files that have come to rest, alarms, webhooks."""

"""Scan to Pattern: noise on an absolute scale, mask, background estimate."""

"""Bytes to Scan, Series and Cycling: one format, one file."""

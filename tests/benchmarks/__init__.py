"""Benchmarks: each prints a table of ratios; none is a timed test."""

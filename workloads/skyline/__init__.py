"""Skyline extraction from mountain photographs (PeakLens): a workload with a command line."""

# A change of what is computed, or how, which makes figures incomparable, is a new version.
VERSION = "2"

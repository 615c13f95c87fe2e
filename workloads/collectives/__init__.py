"""Collective operations over a run's replicas, measured alone: whether it is the network."""

# A change of what is computed, which makes figures incomparable, is a new version.
VERSION = "1"

"""Writes a site file for the cluster at hand: what the scheduler says, and what a node shows."""

"""Asks a compute node of each partition what it is: a job that runs `node_probe.py` there."""

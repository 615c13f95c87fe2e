"""Asks a compute node of each partition what it is: a job that runs the package `node` there."""

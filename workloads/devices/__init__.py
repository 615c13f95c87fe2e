"""Tells what TensorFlow sees on a machine: `python -m workloads.devices`."""

"""The stages of the skyline workload, one module each, named as on the command line."""

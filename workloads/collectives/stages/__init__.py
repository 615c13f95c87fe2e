"""The stages of the collectives workload, one module each, named as on the command line."""

"""The stages of the container workload, one module each, named as on the command line."""

"""The science: real workloads, each with a command line of its own."""

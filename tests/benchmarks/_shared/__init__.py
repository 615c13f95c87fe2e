"""What benchmarks share: the machine, ways that take turns, verdicts."""

"""The parts of the benchmark of the history's verdicts."""

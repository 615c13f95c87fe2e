"""What GPUs and hosts go through during a run, sampled beside it."""

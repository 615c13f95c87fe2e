"""Reference values and bounds learnt from history, and the files that they are written to."""

"""What the benchmark of SLSTR measures, part by part."""

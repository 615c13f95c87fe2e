"""What the benchmark of skyline measures, part by part."""

"""Container recipes, one per workload."""

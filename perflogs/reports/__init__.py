"""Says what was found: on the terminal, and in files for other programs."""

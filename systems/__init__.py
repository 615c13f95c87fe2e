"""What ReFrame knows of each site. `settings.py` gathers the files, `references/` holds figures."""

"""The sub-commands of `python -m perflogs`, a module for each."""

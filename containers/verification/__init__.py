"""Seeing whether an image is what it should be, by running it."""

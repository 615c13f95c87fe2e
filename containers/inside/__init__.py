"""Files that lie in an image, or run in it: they know nothing but Python's own library."""

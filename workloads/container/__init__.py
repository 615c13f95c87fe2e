"""What a container costs: the same training natively and in an image, one after the other."""

# A change of what is computed, which makes figures incomparable, is a new version.
VERSION = "1"

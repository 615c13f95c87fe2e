"""Cloud masking of Sentinel-3 SLSTR scenes, from zipped products to sea-surface temperatures."""

VERSION = "1"

"""What Python does first in an image: caches lie where the user may write, never in the image.

Set here, since the runscript is only one way in, and a variable that an image defines could not
follow one that is given at run time. A line in a .pth file loads it: a sitecustomize would not be
found, since Debian has one of its own."""

import os

os.environ.setdefault("TRIGPOINT_CACHE", ".cache")
os.environ.setdefault("NUMBA_CACHE_DIR", os.path.join(os.environ["TRIGPOINT_CACHE"], "numba"))  # noqa: PTH118 - pathlib costs every start

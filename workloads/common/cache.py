"""Where what is made or fetched is kept between runs."""

import os
from pathlib import Path

CACHE_VARIABLE = "TRIGPOINT_CACHE"


def cache_root(option: Path | None) -> Path:
    """The cache folder: `--cache`, else $TRIGPOINT_CACHE, else `.cache` in the checkout."""
    if option is not None:
        return option
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    return Path(__file__).parents[2] / ".cache"

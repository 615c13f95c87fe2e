"""The Sentinel-3 SLSTR level-1 product SL_1_RBT: names of its files and variables, grids, flags.

A scene is a folder NAME.SEN3 of NetCDF-4 files. Grids are named by two letters: `in` is the 1 km
grid of the nadir view, `an` its 500 m grid, `tn` the tie points of the viewing geometry. All arrays
are (rows, columns), along and across the track.
"""

import re
from dataclasses import dataclass

THERMAL_CHANNELS = ("S7", "S8", "S9")
SOLAR_CHANNELS = ("S1", "S2", "S3", "S4", "S5", "S6")
CHANNELS = len(SOLAR_CHANNELS) + len(THERMAL_CHANNELS)
FILL = -32768
# In masks of 0 and 1: the instrument has not seen this pixel, and nothing is to be judged there.
UNFILLED = 255
SUFFIX = ".SEN3"

# Metres between neighbours, across and along the track.
RESOLUTION = {"an": (500, 500), "in": (1000, 1000), "tn": (16_000, 1000), "tx": (16_000, 1000)}

CONFIDENCE = {
    "coastline": 1,
    "ocean": 2,
    "tidal": 4,
    "land": 8,
    "inland_water": 16,
    "unfilled": 32,
    "cosmetic": 256,
    "duplicate": 512,
    "day": 1024,
    "twilight": 2048,
    "sun_glint": 4096,
    "snow": 8192,
    "summary_cloud": 16384,
    "summary_pointing": 32768,
}
CLOUD = {
    "visible": 1,
    "1.37_threshold": 2,
    "1.6_small_histogram": 4,
    "1.6_large_histogram": 8,
    "2.25_small_histogram": 16,
    "2.25_large_histogram": 32,
    "11_spatial_coherence": 64,
    "gross_cloud": 128,
    "thin_cirrus": 256,
    "medium_high": 512,
    "fog_low_stratus": 1024,
    "11_12_view_difference": 2048,
    "3.7_11_view_difference": 4096,
    "thermal_histogram": 8192,
}
# The single-view mask at its moderate threshold is the one that is used; any bit would be too many.
BAYES = {"single_low": 1, "single_moderate": 2, "dual_low": 4, "dual_moderate": 8}

_NAME = re.compile(
    r"S3[AB]_SL_1_RBT____\d{8}T\d{6}_\d{8}T\d{6}_\d{8}T\d{6}"
    r"_\d{4}_\d{3}_\d{3}_\d{4}_[A-Z0-9]{3}_[A-Z]_[A-Z]{2}_\d{3}"
)


@dataclass(frozen=True)
class Grid:
    """The size of a scene, in pixels of 1 km; the 500 m grid has twice as many each way."""

    rows: int
    columns: int


FULL = Grid(1200, 1500)


def is_scene_name(name: str) -> bool:
    """Whether `name`, without `.SEN3`, is that of an SL_1_RBT product."""
    return _NAME.fullmatch(name) is not None


def thermal_file(channel: str) -> str:
    """The file with a channel's brightness temperatures."""
    return f"{channel}_BT_in.nc"


def solar_file(channel: str) -> str:
    """The file with a channel's radiances."""
    return f"{channel}_radiance_an.nc"


def quality_file(channel: str) -> str:
    """The file with a channel's solar irradiance, for each detector."""
    return f"{channel}_quality_an.nc"

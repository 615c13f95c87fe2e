"""The product's own masks and flags: cloud with errors at a set rate, confidence, summaries."""

import numpy as np
from numpy.typing import NDArray

from workloads.common.noise import Field, fractal
from workloads.slstr.clouds import CLOUDY, Clouds
from workloads.slstr.product import BAYES, CLOUD, CONFIDENCE
from workloads.slstr.surface import Mask, Surface
from workloads.slstr.viewing import Viewing

# The share of pixels at which an operational mask of the scenes is wrong.
ERROR_RATE = 0.04
# How much likelier thin cloud is to be mistaken, in deviations of the field that places errors.
_THIN = 2.0
# The share of the pixels that only the cautious threshold of the Bayesian mask calls cloud.
_CAUTION = 0.03
# Columns of the nadir swath that the oblique view sees as well, as shares of all.
_DUAL = (0.38, 0.88)
# Tilt of the facets, 12 degrees, within which the sun's mirror image is flagged.
_GLINT_FACET = float(np.cos(np.radians(12.0)))


def mistaken(
    rng: np.random.Generator, clouds: Clouds, filled: Mask, rate: float = ERROR_RATE
) -> tuple[Mask, Field]:
    """The share `rate` of the filled pixels where a mask errs, and how far each is from it.

    Errors come in patches and more at thin cloud. The distance is 0 at the border between pixels
    with and without error, positive on both sides.
    """
    thinness = np.exp(-(np.log(np.maximum(clouds.depth, 1e-3) / CLOUDY) ** 2))
    rows, columns = filled.shape
    likelihood = fractal(rng, rows, columns, 1.2, longest=40.0) + _THIN * thinness
    errors = round(rate * int(filled.sum()))
    known = np.sort(likelihood[filled])
    limit = known[known.size - errors] if errors else np.float32(np.inf)
    return filled & (likelihood >= limit), np.abs(likelihood - limit)


def bayes_flags(
    rng: np.random.Generator, clouds: Clouds, filled: Mask
) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """`bayes_in` and the packed `probability_cloud_single_in` (0.5 + 0.005 of each step)."""
    wrong, distance = mistaken(rng, clouds, filled)
    moderate = (clouds.truth ^ wrong) & filled
    doubt = np.exp(-distance)
    # The cautious threshold takes in the pixels with the greatest doubt among those called clear.
    clear = filled & ~moderate
    limit = np.quantile(doubt[clear], 1.0 - _CAUTION) if clear.any() else np.float32(1.0)
    low = moderate | (clear & (doubt > limit))
    columns = np.arange(filled.shape[1]) / filled.shape[1]
    dual = (columns >= _DUAL[0]) & (columns < _DUAL[1])
    flags = np.zeros(filled.shape, np.uint8)
    for name, mask in {
        "single_low": low,
        "single_moderate": moderate,
        "dual_low": low & dual,
        "dual_moderate": moderate & dual,
    }.items():
        flags[mask] |= BAYES[name]
    certainty = np.rint(100.0 * (1.0 - 0.95 * doubt))
    probability = np.where(moderate, certainty, -certainty)
    return flags, np.where(filled, probability, -128).astype(np.int8)


def cloud_flags(
    rng: np.random.Generator, clouds: Clouds, viewing: Viewing
) -> tuple[NDArray[np.uint16], Mask]:
    """`cloud_in`, a bit for each of the tests that saw cloud, and the summary of all of them."""
    filled = viewing.filled
    wrong, _ = mistaken(rng, clouds, filled)
    summary = (clouds.truth ^ wrong) & filled
    day = viewing.sun > 0.0
    flags = np.zeros(filled.shape, np.uint16)
    for name, mask in {
        "visible": day & (clouds.depth > 3.0),
        "1.37_threshold": day & (clouds.high > 0.3),
        "gross_cloud": clouds.depth > 8.0,
        "thin_cirrus": (clouds.high > 0.3) & (clouds.high < 2.0),
        "medium_high": clouds.high > 1.0,
        "fog_low_stratus": ~day & (clouds.low > 1.0) & (clouds.low_top < 1.5),
    }.items():
        flags[mask & summary] |= CLOUD[name]
    # What no other test saw, this one did: a cloudy pixel has at least one bit.
    flags[summary & (flags == 0)] = CLOUD["thermal_histogram"]
    return flags, summary


def confidence_flags(surface: Surface, viewing: Viewing, summary: Mask) -> NDArray[np.uint16]:
    """`confidence_in`: what the surface is, day or night, and the cloud tests' summary."""
    land, filled = surface.land, viewing.filled
    open_water = (~land | surface.lake) & ~surface.snow
    flags = np.zeros(filled.shape, np.uint16)
    for name, mask in {
        "coastline": land & _beside(~land),
        "ocean": ~land,
        "land": land,
        "inland_water": surface.lake,
        "day": viewing.sun > 0.0,
        "sun_glint": open_water & (viewing.sun > 0.0) & (viewing.facet > _GLINT_FACET),
        "snow": surface.snow,
        "summary_cloud": summary,
    }.items():
        flags[mask] |= CONFIDENCE[name]
    flags[~filled] = CONFIDENCE["unfilled"]
    return flags


def _beside(mask: Mask) -> Mask:
    """Pixels with one of `mask` above, below, left or right of them."""
    beside = np.zeros_like(mask)
    beside[1:] |= mask[:-1]
    beside[:-1] |= mask[1:]
    beside[:, 1:] |= mask[:, :-1]
    beside[:, :-1] |= mask[:, 1:]
    return beside

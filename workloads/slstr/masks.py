"""The masks of a scene, from its flags on the 1 km grid."""

import numpy as np
from numpy.typing import NDArray

from workloads.slstr.product import BAYES, CONFIDENCE, UNFILLED

Mask = NDArray[np.uint8]
Flags = NDArray[np.uint8] | NDArray[np.uint16]


def masks_of(confidence: NDArray[np.uint16], bayes: NDArray[np.uint8]) -> dict[str, Mask]:
    """Masks of 0 and 1 by name: `bayes` and `summary`, in which 1 is cloud, `day` and `land`.

    Of the Bayesian masks it is the single-view one at its moderate threshold, UNFILLED where the
    instrument has not seen the pixel.
    """
    clouds = _mask(bayes, BAYES["single_moderate"])
    clouds[~filled_pixels(confidence)] = UNFILLED
    return {
        "bayes": clouds,
        "summary": _mask(confidence, CONFIDENCE["summary_cloud"]),
        "day": _mask(confidence, CONFIDENCE["day"]),
        "land": _mask(confidence, CONFIDENCE["land"]),
    }


def filled_pixels(confidence: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Which pixels the instrument has seen."""
    return confidence & CONFIDENCE["unfilled"] == 0


def is_by_day(day: Mask, filled: NDArray[np.bool_]) -> bool:
    """Whether it is day at more than half of the filled pixels."""
    return bool(2 * np.count_nonzero(day[filled]) > np.count_nonzero(filled))


def _mask(flags: Flags, bit: int) -> Mask:
    return (flags & bit != 0).view(np.uint8)

"""Random fields with the statistics of clouds and mountains: power falls with frequency."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]


@lru_cache(maxsize=64)
def _logarithm_of_frequency(height: int, width: int, stretch: float, longest: float) -> Field:
    """Logarithm of the radial frequency; waves longer than `longest` pixels count as that long."""
    vertical = np.fft.fftfreq(height)[:, None]
    horizontal = np.fft.rfftfreq(width)[None, :] * stretch
    frequency = np.maximum(np.hypot(vertical, horizontal), 1.0 / longest)
    return np.log(frequency * longest).astype(np.float32)


def fractal(
    rng: np.random.Generator,
    height: int,
    width: int,
    exponent: float,
    stretch: float = 1.0,
    longest: float = 160.0,
) -> Field:
    """Draw a field (height, width) of mean 0 and deviation 1 whose amplitude falls as f^-exponent.

    `stretch` above 1 makes shapes that many times wider than high, below 1 higher than wide;
    waves beyond `longest` pixels are no stronger than those of that length.
    """
    logarithm = _logarithm_of_frequency(height, width, stretch, longest)
    # Uniform coefficients do: the transform sums so many that the field is all but Gaussian.
    white = rng.random((height, 2 * logarithm.shape[1]), dtype=np.float32) - np.float32(0.5)
    spectrum = white.view(np.complex64) * np.exp(-exponent * logarithm)
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, s=(height, width))
    return np.asarray(field / field.std(), dtype=np.float32)


def smooth_step(values: Field, start: float, stop: float) -> Field:
    """Rise smoothly from 0 where values are at most `start` to 1 where they reach `stop`."""
    position = np.clip((values - start) * np.float32(1.0 / (stop - start)), 0.0, 1.0)
    return np.asarray(position * position * (3.0 - 2.0 * position), dtype=np.float32)

"""The sky above the mountains: gradient, glow of the sun and clouds."""

import numpy as np

from workloads.common.noise import Field, fractal, smooth_step
from workloads.skyline.weather import Weather


def draw_sky(rng: np.random.Generator, weather: Weather, height: int, width: int) -> Field:
    """Draw the whole frame as sky: colours (3, height, width), 0 to about 1."""
    fall = np.linspace(0.0, 1.0, height, dtype=np.float32) ** np.float32(rng.uniform(0.6, 1.3))
    zenith, horizon = weather.zenith[:, None], weather.horizon[:, None]
    sky = (zenith + (horizon - zenith) * fall)[:, :, None] + _glow(weather, height, width)
    clouds = fractal(
        rng, height, width, weather.cloud_roughness, weather.cloud_stretch, longest=0.7 * width
    )
    # Clouds thicken downwards: towards the horizon the line of sight crosses more of them.
    thickness = clouds + np.linspace(-0.3, 0.5, height, dtype=np.float32)[:, None]
    edge = 1.1 - 2.0 * weather.cloud_cover
    density = smooth_step(thickness, edge, edge + weather.cloud_softness) * np.float32(0.92)
    from_above = clouds - np.roll(clouds, -max(2, height // 40), axis=0)
    light = smooth_step(from_above - np.float32(0.25) * clouds, -1.0, 1.0)
    dark, bright = weather.cloud_dark[:, None, None], weather.cloud_bright[:, None, None]
    sky += (dark + (bright - dark) * light - sky) * density
    return sky


def _glow(weather: Weather, height: int, width: int) -> Field:
    """The brightening (3, height, width) of the sky around the sun."""
    rows = np.linspace(0.0, 1.0, height, dtype=np.float32) - np.float32(1.0 - weather.sun_height)
    columns = np.linspace(0.0, 1.0, width, dtype=np.float32) - np.float32(weather.sun_column)
    halo = np.exp(-6.0 * rows * rows)[:, None] * np.exp(-5.0 * columns * columns)
    return np.asarray((weather.sunlight * np.float32(0.6 * weather.glow))[:, None, None] * halo)

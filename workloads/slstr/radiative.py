"""What the satellite sees of a surface through the air and two layers of cloud.

Thermal channels mix Planck radiances by emissivity; solar channels add layers that scatter.
"""

import math

import numpy as np

from workloads.common.noise import Field
from workloads.slstr.clouds import Clouds
from workloads.slstr.product import SOLAR_CHANNELS
from workloads.slstr.surface import LAPSE, Surface
from workloads.slstr.viewing import Viewing

# Planck's law per wavelength, in W m⁻² sr⁻¹ µm⁻¹ with µm and K (CODATA 2018).
_C1, _C2 = 1.191_042_97e8, 14_387.768_8
WAVELENGTH = {"S7": 3.74, "S8": 10.85, "S9": 12.0}
# Absorption by a cm of water vapour, straight down; 12 µm more than 11 µm: the split window.
_VAPOUR = {"S7": 0.03, "S8": 0.06, "S9": 0.10}
# Absorption optical depth in the thermal channels for each unit at 0.55 µm, of water and of ice.
# Ice absorbs more at 12 µm, and at 3.7 µm little: thin cirrus differs between the channels.
_ABSORPTION = {"S7": (0.35, 0.22), "S8": (0.48, 0.46), "S9": (0.52, 0.56)}
# Sunlight at 3.74 µm, W m⁻² µm⁻¹, and what thick cloud of water and of ice reflects of it.
_SUN_S7, _WATER_S7, _ICE_S7 = 11.0, 0.16, 0.03
# The emitting air is so much colder than that at sea level.
_AIR_BELOW = 10.0
_COLDEST_TOP = 205.0

# Backscattered share for each unit of optical depth (asymmetry 0.85 for drops, 0.77 for crystals).
_BACKWARD_WATER, _BACKWARD_ICE = 0.075, 0.115
# What the layers reflect of it in S1 to S6: drops and more so crystals absorb at 1.6 and 2.25 µm.
_WATER = (1.0, 1.0, 0.99, 0.95, 0.88, 0.70)
_ICE = (1.0, 1.0, 0.98, 0.85, 0.50, 0.35)
# Scattering by the air itself (Rayleigh), straight down, and absorption by a cm of vapour: at
# 1.375 µm it hides everything that is not high.
_AIR = (0.045, 0.022, 0.008, 0.0, 0.0, 0.0)
_VAPOUR_SOLAR = (0.0, 0.002, 0.003, 2.5, 0.005, 0.01)
_VAPOUR_SCALE = 2.0  # km in which vapour falls to a third
# Fresnel reflection of calm water, and the slopes' variance at a wind of 6 m/s (Cox and Munk 1954).
_FRESNEL, _SLOPES = 0.021, 0.003 + 0.00512 * 6.0


def planck(wavelength: float, temperature: Field) -> Field:
    """Radiance of a black body, W m⁻² sr⁻¹ µm⁻¹."""
    exponent = np.float32(_C2 / wavelength) / temperature
    return np.asarray(np.float32(_C1 / wavelength**5) / np.expm1(exponent))


def brightness_temperature(wavelength: float, radiance: Field) -> Field:
    """The temperature in K of a black body with this radiance: Planck's law, inverted."""
    return np.asarray(
        np.float32(_C2 / wavelength) / np.log1p(np.float32(_C1 / wavelength**5) / radiance)
    )


def thermal(surface: Surface, clouds: Clouds, viewing: Viewing) -> dict[str, Field]:
    """Brightness temperatures in K of S7 to S9; S7 has the sun's reflection by day."""
    slant = 1.0 / viewing.satellite
    low_top = np.maximum(surface.air - LAPSE * clouds.low_top, _COLDEST_TOP)
    high_top = np.maximum(surface.air - LAPSE * clouds.high_top, _COLDEST_TOP)
    seen = {}
    for channel, wavelength in WAVELENGTH.items():
        water, ice = _ABSORPTION[channel]
        radiance = planck(wavelength, surface.temperature)
        by_water, by_ice = _reflectances_s7(clouds) if channel == "S7" else (0.0, 0.0)
        layers = (
            (np.float32(_VAPOUR[channel]) * surface.vapour, surface.air - _AIR_BELOW, 0.0),
            (np.float32(water) * clouds.low, low_top, by_water),
            (np.float32(ice) * clouds.high, high_top, by_ice),
        )
        for depth, temperature, reflected in layers:
            through = np.exp(-depth * slant)
            # What a layer reflects it does not emit (Kirchhoff): by this low cloud is seen at
            # night, when it is as warm as the sea but darker in S7 than in S8.
            emitted = 1.0 - through - reflected
            radiance = radiance * through + planck(wavelength, temperature) * emitted
        if channel == "S7":
            radiance += _reflected_s7(surface, clouds, viewing)
        seen[channel] = brightness_temperature(wavelength, radiance)
    return seen


def _reflectances_s7(clouds: Clouds) -> tuple[Field, Field]:
    """What both layers reflect at 3.74 µm."""
    by_water = np.float32(_WATER_S7) * (1.0 - np.exp(-clouds.low))
    by_ice = np.float32(_ICE_S7) * (1.0 - np.exp(-clouds.high))
    return by_water, by_ice


def _reflected_s7(surface: Surface, clouds: Clouds, viewing: Viewing) -> Field:
    """Sunlight that surface and clouds send back at 3.74 µm; none at night."""
    water, ice = _ABSORPTION["S7"]
    by_water, by_ice = _reflectances_s7(clouds)
    bare = surface.reflectance["S7"] + _glint_on(surface, viewing)
    twice = np.exp(-2.0 * water * clouds.low)
    reflectance = bare * twice + by_water
    reflectance = reflectance * np.exp(-2.0 * ice * clouds.high) + by_ice
    return np.asarray(reflectance * np.maximum(viewing.sun, 0.0) * (_SUN_S7 / math.pi))


def solar(surface: Surface, clouds: Clouds, viewing: Viewing) -> dict[str, Field]:
    """Reflectances of S1 to S6, pi L / (E0 cos(solar zenith)); only of use by day."""
    sun = np.maximum(viewing.sun, 0.05)
    slant = 1.0 / sun + 1.0 / viewing.satellite
    glint = _glint_on(surface, viewing)
    # Two-stream reflectance of a layer that absorbs nothing, for sunlight that falls on it aslant.
    low = _BACKWARD_WATER * clouds.low / (sun + _BACKWARD_WATER * clouds.low)
    high = _BACKWARD_ICE * clouds.high / (sun + _BACKWARD_ICE * clouds.high)
    above_low = surface.vapour * np.exp(-clouds.low_top / _VAPOUR_SCALE)
    above_high = surface.vapour * np.exp(-clouds.high_top / _VAPOUR_SCALE)
    seen = {}
    for number, channel in enumerate(SOLAR_CHANNELS):
        absorbed = np.float32(_VAPOUR_SOLAR[number]) * slant
        scene = (surface.reflectance[channel] + glint) * np.exp(
            -absorbed * (surface.vapour - above_low)
        )
        scene = _add_layer(scene + np.float32(0.5 * _AIR[number]) * slant, low, _WATER[number])
        scene *= np.exp(-absorbed * (above_low - above_high))
        scene = _add_layer(scene, high, _ICE[number])
        seen[channel] = np.asarray(scene * np.exp(-absorbed * above_high), dtype=np.float32)
    return seen


def _add_layer(below: Field, layer: Field, kept: float) -> Field:
    """Reflectance of a layer over what is `below`, with all the light that goes to and fro."""
    through = 1.0 - layer
    return np.asarray(layer * np.float32(kept) + through * through * below / (1.0 - layer * below))


def _glint_on(surface: Surface, viewing: Viewing) -> Field:
    """The sun's mirror image on rough open water, as reflectance (Cox and Munk 1954)."""
    facet = np.clip(viewing.facet, 0.05, 1.0)
    square = facet * facet
    chance = np.exp((1.0 - 1.0 / square) / np.float32(_SLOPES)) / (math.pi * _SLOPES)
    sun = np.maximum(viewing.sun, 0.05)
    glint = math.pi * _FRESNEL * chance / (4.0 * sun * viewing.satellite * square * square)
    water = (~surface.land & ~surface.snow) | surface.lake
    return np.where(water & (viewing.sun > 0.0), glint, 0.0).astype(np.float32)

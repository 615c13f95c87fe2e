"""NetCDF-4 files put together in memory, compressed and chunked as the archive's are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from workloads.slstr.hdf5_bytes import fixed_bytes

_LEVEL = 4
_CHUNK = (600, 750)


@dataclass(frozen=True)
class Variable:
    """A variable as it lies in the file: packed values, their fill value and attributes."""

    name: str
    values: NDArray[Any]
    fill: int | float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    dimensions: tuple[str, ...] = ("rows", "columns")


def netcdf(attributes: Mapping[str, Any], variables: Sequence[Variable]) -> bytes:
    """The bytes of a file with these global attributes and variables.

    The same content gives the same bytes. In memory a full disk cannot leave the library unable
    to close its file.
    """
    largest = sum(variable.values.nbytes for variable in variables)
    file = netCDF4.Dataset("memory", "w", format="NETCDF4", memory=65_536 + largest // 2)
    file.setncatts(attributes)
    for variable in variables:
        _add(file, variable)
    return fixed_bytes(file.close())


def _add(file: Any, variable: Variable) -> None:
    shape = variable.values.shape
    for name, length in zip(variable.dimensions, shape, strict=True):
        if name not in file.dimensions:
            file.createDimension(name, length)
    added = file.createVariable(
        variable.name,
        variable.values.dtype,
        variable.dimensions,
        zlib=True,
        shuffle=True,
        complevel=_LEVEL,
        chunksizes=[min(most, length) for most, length in zip(_CHUNK, shape, strict=False)],
        fill_value=variable.fill,
    )
    added.set_auto_maskandscale(False)
    added.setncatts(dict(variable.attributes))
    added[:] = variable.values


def packed(
    values: NDArray[Any], scale: float, offset: float, kind: type[np.signedinteger[Any]]
) -> NDArray[Any]:
    """Integers that stand for scale * integer + offset, as near as `kind` comes to `values`.

    The least integer of `kind` is kept for fill.
    """
    limits = np.iinfo(kind)
    steps = values - values.dtype.type(offset) if offset else values.copy()
    steps /= values.dtype.type(scale)
    np.rint(steps, out=steps)
    return np.clip(steps, limits.min + 1, limits.max, out=steps).astype(kind)


def flags(name: str, values: NDArray[np.unsignedinteger[Any]], bits: Mapping[str, int]) -> Variable:
    """A variable of flags, with the attributes that CF has to say what its `bits` mean."""
    masks = np.array(list(bits.values()), values.dtype)
    return Variable(name, values, None, {"flag_masks": masks, "flag_meanings": " ".join(bits)})

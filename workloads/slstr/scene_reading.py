"""Opening the files of a scene, and taking from them what a conversion needs, checked.

Whatever is wrong with a file becomes a BrokenScene, which names scene and file.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import deflate
import h5py
import numpy as np
from numpy.typing import DTypeLike

from workloads.common.errors import UnusableInput
from workloads.slstr.product import SUFFIX, is_scene_name


class BrokenScene(UnusableInput):
    """A scene that cannot be converted, and the reason, which names the file."""

    def __init__(self, scene: str, reason: str) -> None:
        super().__init__(scene, reason)
        self.scene = scene
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.scene}: {self.reason}"


@dataclass(frozen=True)
class Scene:
    """An unpacked scene, the folder NAME.SEN3."""

    folder: Path

    @property
    def name(self) -> str:
        """The name of the product, without `.SEN3`."""
        return self.folder.name.removesuffix(SUFFIX)

    def require_name(self) -> None:
        """Raise BrokenScene where the folder is not called as a product is, or is no folder."""
        if not is_scene_name(self.name):
            raise BrokenScene(self.name, f"{self.folder} is not the name of an SL_1_RBT scene")
        if not self.folder.is_dir():
            raise BrokenScene(self.name, f"{self.folder} is not a folder")

    @contextlib.contextmanager
    def open(self, file_name: str) -> Iterator[h5py.File]:
        """Open one of the scene's files. What goes wrong while it is read is a BrokenScene."""
        try:
            with h5py.File(self.folder / file_name, "r") as file:
                yield file
        except FileNotFoundError:
            raise BrokenScene(
                self.name, f"{file_name} is missing: extract the scene again"
            ) from None
        except Unreadable as problem:
            raise BrokenScene(self.name, f"{file_name}: {problem}") from None
        except (OSError, RuntimeError, deflate.DeflateError) as error:
            raise BrokenScene(
                self.name, f"{file_name} is damaged ({error}): extract the scene again"
            ) from None


class Unreadable(Exception):
    """What is wrong inside the file that is being read."""


def variable(
    file: h5py.File, name: str, dtype: DTypeLike, shape: tuple[int, ...] | None = None
) -> h5py.Dataset:
    """A variable of that type, and of that shape if one is given. Raises Unreadable."""
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise Unreadable(f"the variable {name} is missing")
    if found.dtype.newbyteorder("=") != np.dtype(dtype):
        raise Unreadable(f"{name} is of type {found.dtype}, not {np.dtype(dtype)}")
    if shape is not None and found.shape != shape:
        raise Unreadable(f"{name} has {_times(found.shape)} values, not {_times(shape)}")
    return found


def number(holder: h5py.File | h5py.Dataset, name: str) -> float:
    """An attribute that is one finite number. Raises Unreadable."""
    values = np.asarray(holder.attrs.get(name))
    if values.size != 1 or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        of = "" if isinstance(holder, h5py.File) else f" of {holder.name.lstrip('/')}"
        raise Unreadable(f"the attribute {name}{of} is missing or not a number")
    return float(values.item())


def text(file: h5py.File, name: str) -> str:
    """A global attribute that is a text. Raises Unreadable."""
    value = file.attrs.get(name)
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if not isinstance(value, str):
        raise Unreadable(f"the attribute {name} is missing or not a text")
    return value


@dataclass(frozen=True)
class Packing:
    """How a quantity is packed in integers: `raw * scale + offset`, where raw is not `fill`."""

    scale: float
    offset: float
    fill: int

    @classmethod
    def of(cls, packed: h5py.Dataset) -> "Packing":
        """From a variable's own attributes. Raises Unreadable where one is missing."""
        return cls(
            number(packed, "scale_factor"),
            number(packed, "add_offset"),
            int(number(packed, "_FillValue")),
        )


@dataclass(frozen=True)
class Offsets:
    """Where a grid begins: rows since the start of the orbit, columns left of the track."""

    start: float
    track: float

    @classmethod
    def of(cls, file: h5py.File) -> "Offsets":
        """From a file's global attributes. Raises Unreadable where one is missing."""
        return cls(number(file, "start_offset"), number(file, "track_offset"))


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

"""The benchmark's own scenes, drawn once, and the forms in which either way takes them.

All lies in one folder, and what is missing there is made. Scenes by night are left aside, because
they hold three channels of nine.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from tests.benchmarks._slstr import published, published_conversion
from workloads.common.progress import progress_of
from workloads.common.writing import replacing
from workloads.slstr.archive import extract_scene
from workloads.slstr.product import FULL, SUFFIX
from workloads.slstr.scene_hdf import Settings
from workloads.slstr.scene_reading import Scene
from workloads.slstr.stages.convert_hdf import convert_scene
from workloads.slstr.synthesis import generator_digest, synthesise

SIZE = FULL
NUMBER = 6
SEED = 1


@dataclass(frozen=True)
class Scenes:
    """Scenes by day: `unpacked`, and the folder of those that the suite has `converted`."""

    folder: Path
    unpacked: list[Scene]
    converted: Path

    def published(self, number: int) -> list[Path]:
        """So many of them as the published way has converted them, their gaps filled.

        Over a scene with a gap its mean is NaN, and so is all that is learnt from it. Here a gap
        gets the mean of the channels.
        """
        files = []
        for scene in self.unpacked[:number]:
            path = self.folder / "published" / f"{scene.name}.hdf"
            files.append(path)
            if path.exists():
                continue
            with replacing(path) as temporary:
                published_conversion.convert(scene.folder, temporary)
                with h5py.File(temporary, "r+") as file:
                    for channels in (file["bts"], file["refs"]):
                        values = channels[...]
                        channels[...] = np.where(np.isnan(values), np.nanmean(values), values)
        return files


def draw(cache: Path) -> Scenes:
    """The scenes in `cache`, drawn, unpacked and converted where they are not yet."""
    folder = cache / f"benchmark-{NUMBER}-{SIZE.rows}x{SIZE.columns}-{generator_digest()}"
    archive, unpacked, converted = (folder / each for each in ("archive", "unpacked", "converted"))
    with progress_of("drawing", NUMBER, "scenes") as advance:
        synthesise(archive, NUMBER, SIZE, SEED, advance)
    unpacked.mkdir(exist_ok=True)
    for path in archive.glob("scenes/*.zip"):
        scene = Scene(unpacked / f"{path.stem}{SUFFIX}")
        if not scene.folder.is_dir():
            extract_scene(path, unpacked)
        convert_scene(scene, converted, Settings(patch_size=published.SIDE), keep_going=False)
    by_day = converted / "day"
    names = sorted(path.stem for path in by_day.glob("*.hdf"))
    return Scenes(folder, [Scene(unpacked / f"{name}{SUFFIX}") for name in names], by_day)


def linked(scenes: list[Scene], folder: Path, number: int) -> Path:
    """A folder of `number` scenes: links to `scenes` in turn, each under a name of its own."""
    folder.mkdir()
    for index in range(number):
        scene = scenes[index % len(scenes)]
        name = f"{scene.name[:-3]}{index:03d}{SUFFIX}"
        (folder / name).symlink_to(scene.folder.resolve())
    return folder

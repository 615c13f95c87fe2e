"""Zipped scenes: which scene an archive holds, and unpacking it.

A scene appears under its name when it is whole. What a killed run left is begun again.
"""

import shutil
import zipfile
from pathlib import Path

from workloads.common.archives import opened_zip, write_zip_files, zip_files
from workloads.common.errors import UnusableInput
from workloads.slstr.product import SUFFIX, is_scene_name

# All arrays of a product without compression are about 2 GB: what claims to hold twice that is
# none, and would only fill the disk.
LARGEST_SCENE_BYTES = 4 * 2**30


def archive_identity(archive: Path) -> tuple[str, str]:
    """The name, without `.SEN3`, of the one scene in an archive, and what tells it from another.

    That is the name, size and checksum of every file in it, by its directory: nothing is unpacked.
    Raises UnusableInput where it is no zip archive, holds no scene or several, an entry is a link
    or would leave the folder, or the scene is larger than any is.
    """
    with opened_zip(archive) as opened:
        scene, files = _scene_files(opened, archive)
    return scene, repr(sorted((entry.filename, entry.file_size, entry.CRC) for entry in files))


def extract_scene(archive: Path, output: Path) -> tuple[int, int]:
    """Unpack the scene of an archive as `output / NAME.SEN3`; return the bytes read and written.

    Every file's checksum is checked. Raises UnusableInput as `archive_identity` does and where a
    file is damaged, and OSError.
    """
    with opened_zip(archive) as opened:
        scene, files = _scene_files(opened, archive)
        unfinished = output / f".{scene}.partial"
        shutil.rmtree(unfinished, ignore_errors=True)
        written = write_zip_files(opened, files, unfinished)
    (unfinished / f"{scene}{SUFFIX}").rename(output / f"{scene}{SUFFIX}")
    unfinished.rmdir()
    return archive.stat().st_size, written


def _scene_files(opened: zipfile.ZipFile, archive: Path) -> tuple[str, list[zipfile.ZipInfo]]:
    """The name of the scene, and the entries that are files of it."""
    folders: dict[str, list[zipfile.ZipInfo]] = {}
    for entry in zip_files(opened):
        folder, _, rest = entry.filename.removeprefix("./").partition("/")
        if folder.endswith(SUFFIX) and rest:
            folders.setdefault(folder, []).append(entry)
    if len(folders) != 1:
        raise UnusableInput(
            f"{archive} holds {len(folders)} {SUFFIX} folders, not one: get it again"
        )
    [(folder, files)] = folders.items()
    scene = folder.removesuffix(SUFFIX)
    if not is_scene_name(scene):
        raise UnusableInput(f"{archive} holds {folder}, which is not the name of an SL_1_RBT scene")
    stated = sum(entry.file_size for entry in files)
    if stated > LARGEST_SCENE_BYTES:
        raise UnusableInput(
            f"{archive} would unpack to {stated / 1e9:.1f} GB, where a scene has at most "
            f"{LARGEST_SCENE_BYTES / 1e9:.1f}: refused"
        )
    return scene, files

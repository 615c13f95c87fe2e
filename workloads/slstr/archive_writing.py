"""Writing a scene as the archive delivers it: a zip with the product's folder in it."""

import io
import zipfile
from pathlib import Path

from workloads.common.writing import replacing
from workloads.slstr.manifest_xml import MANIFEST_FILE, manifest_xml
from workloads.slstr.orbit import iso_date
from workloads.slstr.scene import Scene
from workloads.slstr.scene_files import SceneFiles

# NetCDF files are compressed already. Deflated again they stay as they are, at any level: this one
# comes to that end without trying.
_LEVEL = 0
# The same scene is the same bytes whenever it is written.
_ENTRY_DATE = (1980, 1, 1, 0, 0, 0)
_ENTRY_MODE = 0o100644 << 16


def archive(scene: Scene) -> bytes:
    """The bytes of the scene's zip."""
    files = dict(SceneFiles(scene).all())
    period = iso_date(scene.course.start), iso_date(scene.course.stop)
    files[MANIFEST_FILE] = manifest_xml(*period, files)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            entry = zipfile.ZipInfo(f"{scene.name}.SEN3/{name}", _ENTRY_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _ENTRY_MODE
            zipped.writestr(entry, data, compresslevel=_LEVEL)
    return content.getvalue()


def write_archive(folder: Path, scene: Scene) -> tuple[Path, bytes]:
    """Write the scene's zip in `folder`, whole or not at all; its path and its bytes.

    Raises OSError, with the file's name.
    """
    content = archive(scene)
    path = folder / f"{scene.name}.zip"
    with replacing(path) as temporary:
        write_file(temporary, content)
    return path, content


def write_file(path: Path, content: bytes) -> None:
    """Write `content`; an OSError of the writing itself names the file too."""
    try:
        path.write_bytes(content)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise

"""The folder that `export` writes: a SavedModel, a TensorFlow Lite model, and their manifest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.common.building import MANIFEST, read_manifest
from workloads.common.digests import FileSetDigest, file_digest
from workloads.common.errors import UnusableInput
from workloads.skyline import VERSION
from workloads.skyline.geometry import STRIDE
from workloads.skyline.layout import PATCH_SIZE

FORMAT: dict[str, Any] = {
    "format": "trigpoint-skyline-export",
    "format_version": 1,
    "workload_version": VERSION,
    "patch_size": PATCH_SIZE,
    "stride": STRIDE,
}
FORMS = {"saved_model": "saved_model", "tflite": "skyline.tflite"}
_FIELDS = ("model", "pipeline", "epochs_trained", "digests")


@dataclass(frozen=True)
class Export:
    """One form of an exported network: where it is, its digest, and its folder's manifest."""

    form: str
    path: Path
    digest: str
    manifest: dict[str, Any]


def find_export(path: Path) -> Export:
    """The exported network at `path`: the folder of `export`, its SavedModel, or its .tflite.

    Of a folder the SavedModel is taken. Raises UnusableInput where there is no export, or its files
    are not those that its manifest speaks of.
    """
    path = path.resolve()
    if not path.exists():
        raise UnusableInput(f"no exported network at {path}: run the export stage first")
    forms = {(path / FORMS["saved_model"]): "saved_model", path: _form_of(path)}
    chosen = next(each for each in forms if each.exists())
    form, folder = forms[chosen], chosen.parent
    manifest = read_manifest(folder)
    if form is None or manifest is None:
        raise UnusableInput(
            f"{path} is no exported network with a {MANIFEST} beside it: give the --output of "
            f"export, its {FORMS['saved_model']} or its {FORMS['tflite']}"
        )
    _require_format(folder, manifest)
    digest = tree_digest(chosen) if chosen.is_dir() else file_digest(chosen)
    if manifest["digests"].get(form) != digest:
        raise UnusableInput(f"{chosen} is not the network that was exported: export it again")
    return Export(form, chosen, digest, manifest)


def _form_of(path: Path) -> str | None:
    if path.is_file():
        return "tflite" if path.suffix == ".tflite" else None
    return "saved_model" if (path / "saved_model.pb").exists() else None


def _require_format(folder: Path, manifest: dict[str, Any]) -> None:
    other = [key for key, value in FORMAT.items() if manifest.get(key) != value]
    missing = [key for key in _FIELDS if key not in manifest]
    if other or missing or not isinstance(manifest["digests"], dict):
        raise UnusableInput(
            f"{folder / MANIFEST} is not of this version of export "
            f"({', '.join([*other, *missing])}): export the network again"
        )


def tree_digest(folder: Path) -> str:
    """A digest of all files in a folder and those in it, by name and content."""
    digest = FileSetDigest()
    for path in folder.rglob("*"):
        if path.is_file():
            digest.add(path.relative_to(folder).as_posix(), path.read_bytes())
    return str(digest)

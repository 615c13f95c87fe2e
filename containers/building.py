"""Building an image from beginning to end: nothing half-written, nothing built in vain."""

import contextlib
import dataclasses
import datetime
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from containers.bases import Kind
from containers.context import Context, Plan, write_context
from containers.digests import path_digest
from containers.engines.apptainer import Apptainer
from containers.engines.dockerfile import DockerfileEngine
from containers.engines.engine import APPTAINER, OCI, SANDBOX, Engine, choose, find
from containers.engines.privileges import Privileges, privileges
from containers.errors import BuildFailed, UnusableInput
from containers.manifest import Manifest, is_current, write_manifest
from containers.oci_archive import read_file
from containers.package_index import hand_in
from containers.pinning import pinned
from containers.recipes import places
from containers.recipes.formats import Format
from containers.streaming import Progress


@dataclass(frozen=True)
class Way:
    """How images of a format are built here."""

    image_format: str
    engine: Engine
    #: None where Apptainer has no part in it.
    rights: Privileges | None
    fakeroot: bool

    def __str__(self) -> str:
        return f"{self.engine} ({self.rights.description})" if self.rights else str(self.engine)


def find_way(image_format: str, asked: str | None, fakeroot: bool) -> Way:
    """The way to build here, by the engine that was asked for or the first that is there.

    Raises:
        UnusableInput: there is none, and what it would need.
    """
    engine = choose(image_format, asked)
    by_apptainer = engine.name == APPTAINER or image_format != OCI
    return Way(image_format, engine, privileges(fakeroot) if by_apptainer else None, fakeroot)


@dataclass(frozen=True)
class Order:
    """What is to be built, in which way, and to where."""

    plan: Plan
    way: Way
    output: Path


def default_output(name: str, image_format: str) -> Path:
    """Where an image is written unless told: here, named by what it is."""
    return Path({"sif": f"{name}.sif", "oci": f"{name}.oci"}.get(image_format, name))


def build(order: Order, progress: Progress) -> bool:
    """Build the image and its manifest; False where they were there already, and current.

    Raises:
        UnusableInput: something that it needs is missing.
        BuildFailed: the engine failed.
    """
    kind = Format.DEFINITION if order.way.engine.name == APPTAINER else Format.DOCKERFILE
    output = order.output.resolve()
    if not output.parent.is_dir():
        raise UnusableInput(f"the folder {output.parent} does not exist")
    _check_output(output, order.way.image_format)
    if order.plan.base.kind is Kind.SIF:
        _check_sif(order.way)
    with _scratch() as scratch:
        # With the tag, as `recipe` prints it: its digests are the same if no registry answers.
        context = write_context(order.plan, kind, scratch / "context")
        order = dataclasses.replace(order, plan=pinned(order.plan, progress))
        wanted = _wanted(order, kind, context)
        if is_current(output, wanted):
            return False
        # With the digest: what is recorded is what the engine fetches.
        context.recipe.write_text(order.plan.recipe(kind))
        progress.say(f"{order.plan.image.name} on {order.plan.base.label}, by {order.way}")
        log = output.with_name(f"{output.name}.log")
        log.write_text("")
        partial = output.with_name(f".partial-{os.getpid()}-{output.name}")
        try:
            _make(order, context, partial, scratch, progress, log)
            manifest = _manifest(wanted, order, progress, partial)
            _replace(partial, output)
        finally:
            _remove(partial)
        write_manifest(output, manifest)
        log.unlink()
    return True


def _check_output(output: Path, image_format: str) -> None:
    """What lies at the path is replaced whole: it must be nothing but an image of its kind."""
    if image_format == OCI and ":" in str(output):
        raise UnusableInput(f"{output}: engines take what follows ':' for a tag: name another path")
    if image_format != SANDBOX:
        if output.is_dir():
            raise UnusableInput(
                f"{output} is a folder, not a place for a {image_format}: name a file"
            )
        return
    is_image = (output / places.IDENTITY.lstrip("/")).is_file()
    if output.exists() and not is_image and (output.is_file() or any(output.iterdir())):
        raise UnusableInput(f"{output} is there already and no sandbox of the suite: name another")


def _check_sif(way: Way) -> None:
    """A SIF is unpacked by Apptainer alone, which fails in a namespace that maps users."""
    if way.engine.name != APPTAINER:
        raise UnusableInput(f"{way.engine} cannot build on a SIF: use --engine apptainer")
    if way.rights and way.rights.prefix:
        raise UnusableInput(
            f"{way} cannot unpack a SIF: unpack the base into a folder elsewhere, and name that"
        )


def _wanted(order: Order, kind: Format, context: Context) -> dict[str, str]:
    return {
        "name": order.plan.image.name,
        "format": order.way.image_format,
        "suite_commit": order.plan.commit,
        "recipe_kind": kind.value,
        "recipe_digest": context.recipe_digest,
        "sources_digest": context.sources_digest,
        "base_digest": order.plan.base.digest,
    }


def _make(
    order: Order, context: Context, partial: Path, scratch: Path, progress: Progress, log: Path
) -> None:
    way = order.way
    handed_in = hand_in(scratch / "handed-in")
    apptainer = Apptainer(way.rights, way.fakeroot, scratch, progress, log) if way.rights else None
    if way.engine.name == APPTAINER:
        assert apptainer is not None
        apptainer.from_definition(context.recipe, partial, way.image_format, handed_in)
        return
    by_dockerfile = DockerfileEngine(way.engine, scratch, progress, log)
    by_dockerfile.import_base(order.plan.base)
    archive = partial if apptainer is None else scratch / "image.oci"
    # Another build of this workload may run beside, on another base and in the same storage.
    tag = f"{context.recipe_digest[-12:]}-{context.sources_digest[-12:]}"
    reference = f"localhost/trigpoint-{order.plan.image.name}:{tag}"
    by_dockerfile.to_archive(context.folder, reference, archive, handed_in)
    if apptainer is not None:
        progress.say(f"{way.image_format} of the OCI archive, by {find(APPTAINER)}")
        apptainer.from_archive(archive, partial, way.image_format)


def _packages(image: Path, image_format: str) -> dict[str, dict[str, str]]:
    """What the image itself says it holds."""
    if image_format == OCI:
        text = read_file(image, places.PACKAGES.lstrip("/")).decode()
    elif image_format == SANDBOX:
        text = (image / places.PACKAGES.lstrip("/")).read_text()
    else:
        command = ["apptainer", "exec", "--contain", str(image), "cat", places.PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildFailed(f"the image does not start: {done.stderr.strip()[-300:]}")
        text = done.stdout
    return json.loads(text)


def _manifest(wanted: dict[str, str], order: Order, progress: Progress, image: Path) -> Manifest:
    size = (
        sum(path.lstat().st_size for path in image.rglob("*"))
        if image.is_dir()
        else image.stat().st_size
    )
    return Manifest(
        **wanted,
        base=order.plan.base.label,
        engine=str(order.way.engine),
        built=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        build_seconds=round(progress.elapsed(), 1),
        image_digest=path_digest(image),
        image_bytes=size,
        packages=_packages(image, order.way.image_format),
    )


def _replace(partial: Path, output: Path) -> None:
    """Put the new image in the place of an old one; a folder cannot replace another at once."""
    if output.is_dir():
        old = output.with_name(f".old-{os.getpid()}-{output.name}")
        output.rename(old)
        partial.rename(output)
        _remove(old)
    else:
        partial.replace(output)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for the time of a build, below TMPDIR."""
    wanted = os.environ.get("TMPDIR", "")
    if wanted and not os.access(wanted, os.W_OK):
        raise UnusableInput(f"TMPDIR is {wanted}, where nothing can be written")
    if {":", ","} & set(wanted):
        raise UnusableInput(f"TMPDIR is {wanted}: with ':' or ',' engines cannot name it")
    folder = Path(tempfile.mkdtemp(prefix="trigpoint-build-"))
    try:
        yield folder
    finally:
        _remove(folder)

"""The folder that an engine builds from: the recipe, and everything that it copies."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from containers.bases import Base, Framework
from containers.catalogue import WorkloadImage
from containers.checkout import CHECKOUT, code_files
from containers.digests import folder_digest, text_digest
from containers.errors import UnusableInput
from containers.lock import Requirements, requirements
from containers.recipes.formats import Format
from containers.recipes.framework import in_base
from containers.recipes.workload_recipe import workload_recipe

_INSIDE = Path(__file__).parent / "inside"


@dataclass(frozen=True)
class Plan:
    """What is to be built: an image, on which base, from which commit."""

    image: WorkloadImage
    base: Base
    commit: str
    #: The processor that TensorFlow is built for from source; None: from the package index.
    march: str | None = None
    checkout: Path = CHECKOUT

    def recipe(self, kind: Format) -> str:
        """Its recipe in one of the formats."""
        return workload_recipe(self.image, self.base, self.commit, kind, self.march)

    def requirements(self) -> Requirements:
        """What pip installs into it."""
        names, whole = in_base(self.base, self.march is not None)
        return requirements(self.checkout, names, whole=whole, gpus=self.base.gpus)


@dataclass(frozen=True)
class Context:
    """A folder to build from, and the digests of its recipe and of its other files."""

    folder: Path
    recipe: Path
    recipe_digest: str
    sources_digest: str


def write_context(plan: Plan, kind: Format, folder: Path) -> Context:
    """Write recipe, lock and code to the new `folder`.

    Raises:
        UnusableInput: the folder exists, or the checkout lacks something.
    """
    if folder.exists():
        raise UnusableInput(f"{folder} exists already: name another folder")
    folder.mkdir(parents=True)
    _write_sources(plan, folder)
    sources_digest = folder_digest(folder)
    text = plan.recipe(kind)
    recipe = folder / kind.file_name
    recipe.write_text(text)
    return Context(folder, recipe, text_digest(text), sources_digest)


def _write_sources(plan: Plan, folder: Path) -> None:
    wanted = plan.requirements()
    (folder / "requirements.txt").write_text(wanted.text)
    identity = {
        "name": plan.image.name,
        "workload": plan.image.name,
        "suite_commit": plan.commit,
        "base": plan.base.label,
        "gpus": plan.base.gpus,
        "framework": _framework(plan),
        "locked": wanted.versions,
    }
    (folder / "image.json").write_text(json.dumps(identity, indent=1) + "\n")
    shutil.copytree(_INSIDE, folder / "inside", ignore=shutil.ignore_patterns("__*__*"))
    for file in code_files(plan.checkout, plan.image.packages):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(plan.checkout / file, folder / file)
    # Modes are those of the umask otherwise, and would change what the same sources digest to.
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _framework(plan: Plan) -> str:
    if plan.march:
        return f"built from source for {plan.march}"
    return "base" if plan.base.framework is Framework.OWN_IN_BASE else "package index"

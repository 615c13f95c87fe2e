"""What each sub-command does: takes its options and returns an exit code."""

import argparse

from rich.console import Console
from rich.table import Table

from containers import bases
from containers.building import Order, build, default_output, find_way
from containers.catalogue import JAMCAM_TAO, JAMCAM_TAO_DESCRIPTION, WORKLOAD_IMAGES, workload_image
from containers.checkout import CHECKOUT, MODIFIED, commit_of
from containers.context import Plan, write_context
from containers.errors import UnusableInput
from containers.manifest import manifest_path
from containers.recipes import tao
from containers.recipes.formats import Format
from containers.recipes.source import checked_march
from containers.streaming import Progress
from containers.verification.judging import verify
from containers.verification.table import print_findings

RED = 1
#: Where TensorFlow comes from.
PACKAGE_INDEX, SOURCE = "package-index", "source"


def run_list(_: argparse.Namespace) -> int:
    """Print the images and the bases."""
    images = Table("image", "what it holds", title="Images", title_justify="left")
    for image in WORKLOAD_IMAGES:
        images.add_row(image.name, image.description)
    images.add_row(JAMCAM_TAO, f"{JAMCAM_TAO_DESCRIPTION}: {', '.join(tao.CHOICES)}")
    named = Table("--base", "reference", "what it is", title="Bases", title_justify="left")
    for name, base in bases.NAMED.items():
        named.add_row(name, base.reference, base.description)
    for table in (images, named):
        for column in table.columns:
            column.overflow = "fold"
        Console().print(table)
    return 0


def run_recipe(options: argparse.Namespace) -> int:
    """Print a recipe, or write it with what it copies."""
    kind = Format(options.format)
    if options.name == JAMCAM_TAO:
        return _tao_recipes(options, kind)
    plan = _plan(options)
    if options.output is None:
        print(plan.recipe(kind), end="")
    else:
        print(write_context(plan, kind, options.output).recipe)
    return 0


def _tao_recipes(options: argparse.Namespace, kind: Format) -> int:
    for name in ("base", "build", "march"):
        if getattr(options, name) is not None:
            raise UnusableInput(f"--{name} is of workloads' images: {JAMCAM_TAO} has NVIDIA's")
    versions = tao.chosen(options.tao_version or tao.NEWEST)
    if options.output is None:
        if len(versions) > 1:
            raise UnusableInput("several recipes are not printed as one: name a folder, --output")
        print(tao.tao_recipe(versions[0], kind), end="")
        return 0
    if options.output.exists():
        raise UnusableInput(f"{options.output} exists already: name another folder")
    options.output.mkdir(parents=True)
    for version in versions:
        path = options.output / f"{JAMCAM_TAO}-{version}.{kind.value}"
        path.write_text(tao.tao_recipe(version, kind))
        print(path)
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    if options.tao_version is not None:
        raise UnusableInput(f"--tao-version is of {JAMCAM_TAO} alone")
    if options.march is not None and options.build != SOURCE:
        raise UnusableInput(f"--march is of --build {SOURCE} alone")
    commit = commit_of(CHECKOUT)
    if commit.endswith(MODIFIED) and not options.allow_modified:
        raise UnusableInput(
            "the checkout differs from its commit, which the image would carry: commit, or say "
            "--allow-modified"
        )
    march = checked_march(options.march or "native") if options.build == SOURCE else None
    base = bases.resolve(bases.DEFAULT if options.base is None else options.base)
    return Plan(workload_image(options.name), base, commit, march)


def run_build(options: argparse.Namespace) -> int:
    """Build an image, or say that it is current."""
    if options.name == JAMCAM_TAO:
        raise UnusableInput(
            "TAO's images are built where NVIDIA's registry is reached: write the recipe "
            f"(python -m containers recipe {JAMCAM_TAO}) and build it with apptainer"
        )
    # Before the base is read: what is missing here is missing for every base.
    way = find_way(options.format, options.engine, options.fakeroot)
    output = options.output or default_output(options.name, options.format)
    order = Order(_plan(options), way, output)
    progress = Progress()
    if not build(order, progress):
        print(f"{output} is current: nothing to do")
        return 0
    size = output.stat().st_size / 1e6
    shown = "" if output.is_dir() else f", {size:.0f} MB"
    print(f"{output}{shown}, {progress.elapsed():.0f} s; what is in it: {manifest_path(output)}")
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """Run an image and print what was found."""
    findings = verify(options.image.absolute(), options.any_commit)
    print_findings(findings)
    return 0 if all(found.green for found in findings) else RED


COMMANDS = {"list": run_list, "recipe": run_recipe, "build": run_build, "verify": run_verify}

"""`python -m systems detect`: ask the scheduler, look at a node of each kind, write the file."""

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from reframe.core.systems import System

from systems.detection import evidence, pbs, site_file, slurm
from systems.detection.cluster import Cluster
from systems.detection.containers_text import image_places
from systems.detection.kinds import identifier, plan
from systems.detection.partition_text import other_gpus
from systems.detection.site_file import Site
from systems.probing import access
from systems.probing.configuration import load, select
from systems.probing.errors import UnusableInput
from systems.probing.job import ProbeJob, Questions
from systems.probing.round import probe, say

FOLDER = Path(__file__).resolve().parents[1]
# A login node's name says which one it is by a number at its end; its siblings differ there.
_LOGIN = re.compile(r"^(.*(?:login|log|head|front|submit|gateway|uan|ui)\D*?)-?\d+$", re.IGNORECASE)


def detect(
    output: Path | None, name: str | None, scheduler: str | None, minutes: float, force: bool
) -> tuple[Path, str]:
    """Writes the file for this cluster and returns its path and the name of the system.

    Raises UnusableInput where no scheduler answers, or the file is there and `force` is not set;
    nothing half-written is left."""
    if name is not None and (identifier(name) != name or name == "generic"):
        raise UnusableInput(
            f"{name!r} cannot be a system's name: use letters, digits, _ and -, and not ReFrame's"
            " own name, generic"
        )

    _refuse_to_replace(output, force)
    cluster = _ask(scheduler)
    system = name or identifier(cluster.name)
    path = output or FOLDER / f"{system.replace('-', '_')}.py"
    _refuse_to_replace(path, force)
    if path.suffix != ".py" or not path.parent.is_dir():
        raise UnusableInput(
            f"{path} cannot be written: name a file NAME.py in a folder that is there"
        )

    plans, left_out = plan(cluster)
    if not plans:
        raise UnusableInput(f"no partition can be used: {' '.join(left_out)}")

    say(f"{cluster.version}: {len(cluster.nodes)} nodes, {len(plans)} partitions to look at")
    site = Site(system, hostnames(socket.gethostname()), cluster, plans, left_out)
    probes = _look(site, minutes)
    site = replace(_with_modules(site), probes=probes)
    for line in filter(None, (other_gpus(each, probes[each.name]) for each in plans)):
        say(line)

    _write(path, site)
    return path, system


def _refuse_to_replace(path: Path | None, force: bool) -> None:
    if path is not None and path.exists() and not force:
        raise UnusableInput(f"{path} is there already: give --force to replace it, or --output")


def _ask(scheduler: str | None) -> Cluster:
    asked: Mapping[str, tuple[str, Callable[[], Cluster]]] = {
        "slurm": ("scontrol", slurm.ask),
        "pbs": ("pbsnodes", pbs.ask),
    }
    for name, (program, ask) in asked.items():
        if scheduler == name or (scheduler is None and shutil.which(program)):
            return ask()

    raise UnusableInput(
        "there is no batch scheduler here (neither scontrol nor pbsnodes on PATH): run this on a"
        " login node; a machine without one needs no site file"
    )


def hostnames(host: str) -> list[str]:
    """The pattern that matches this host, and its siblings where it is a login node by its name."""
    short = host.partition(".")[0]
    sibling = _LOGIN.match(short)
    if sibling:
        dash = "-?" if "-" in short[len(sibling[1]) :] else ""
        return [rf"{re.escape(sibling[1])}{dash}\d+"]

    return [rf"{re.escape(short)}(\.|$)"]


def _look(site: Site, minutes: float) -> dict[str, ProbeJob]:
    """Probes each partition of a draft that is the scheduler's word alone, so that jobs are
    submitted as the suite will submit its own."""
    with tempfile.TemporaryDirectory(prefix="trigpoint-") as folder:
        draft = Path(folder, "draft.py")
        draft.write_text(site_file.text(site))
        system: System = select([draft], site.name)

    complaint = next(
        filter(None, (access.complaint(each.access) for each in system.partitions)), ""
    )
    if complaint:
        raise UnusableInput(complaint)

    folders = evidence.scratch_candidates(site.cluster.temporary_folder)
    questions = Questions(places=image_places(), named_by_variables=folders)
    return probe({each.name: (each, questions) for each in system.partitions}, minutes)


def _with_modules(site: Site) -> Site:
    """The site with the environment modules system of this host, where ReFrame can use it."""
    if os.environ.get("LMOD_CMD"):
        wanted = "lmod"
    elif os.environ.get("MODULES_CMD") or shutil.which("modulecmd"):
        wanted = "envmod"
    else:
        return site

    able = replace(site, modules_system=wanted)
    try:
        _load_draft(able)
    except UnusableInput as error:
        note = f"ReFrame cannot use this host's environment modules: {error}"
        return replace(site, notes=[note])

    return able


def _load_draft(site: Site) -> None:
    with tempfile.TemporaryDirectory(prefix="trigpoint-") as folder:
        draft = Path(folder, "draft.py")
        draft.write_text(site_file.text(site))
        load([draft], site.name)


def _write(path: Path, site: Site) -> None:
    # A name that does not start with a letter: systems/settings.py does not gather it.
    unfinished = path.with_name(f"_unfinished_{os.getpid()}_{path.name}")
    try:
        unfinished.write_text(site_file.text(site))
        load([unfinished], site.name)
        unfinished.replace(path)
    except OSError as error:
        raise UnusableInput(f"{path} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)

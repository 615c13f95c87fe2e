"""The text of a site file, from what the scheduler says and what nodes have answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from systems import _declaration as declare
from systems.detection.cluster import Cluster
from systems.detection.kinds import Plan
from systems.detection.partition_text import partition
from systems.detection.source import Comment, comment_lines, count, dictionary
from systems.probing.job import ProbeJob

# As it is written in a source.
_NO_NAME = ascii(declare.NO_NAME)[1:-1]
_ACCOUNT_LINES = f"""\
import os
import re

# Jobs run on the account that {declare.ACCOUNT} names. Where that holds no name, a control
# character stands in its place: no job is submitted with one.
_ACCOUNT = os.environ.get("{declare.ACCOUNT}", "")
_IS_NAME = re.fullmatch(r"{declare.NAME}", _ACCOUNT)
_VALUE = _ACCOUNT if _IS_NAME else "{_NO_NAME}{declare.ACCOUNT}"
ACCOUNT = [f"--account={{_VALUE}}"] if _ACCOUNT else []
"""


@dataclass(frozen=True)
class Site:
    """All that goes into a file; `probes` is empty while no node has been asked."""

    name: str
    hostnames: Sequence[str]
    cluster: Cluster
    plans: Sequence[Plan]
    left_out: Sequence[str] = ()
    probes: Mapping[str, ProbeJob] | None = None
    modules_system: str = ""
    notes: Sequence[str] = ()


def text(site: Site) -> str:
    """The file's text."""
    cluster = site.cluster
    nodes = count(len(cluster.nodes), "node")
    lines = [
        f'"""{_plain(site.name)}: {nodes} under {_plain(cluster.version)}.',
        "",
        "Written by `python -m systems detect`. Comments say what it could not know: mend the file",
        'by hand, and see with `python -m systems check` that it holds."""',
        "",
    ]
    if cluster.is_slurm:
        lines += [*_ACCOUNT_LINES.splitlines(), ""]

    for comment in (*cluster.notes, *site.notes, *_left_out(site)):
        lines += comment_lines(comment, "")

    system: list[Any] = [
        ("name", site.name),
        ("descr", f"{nodes}, {cluster.version}"),
        Comment("Of the host that this was written on; add the other login nodes."),
        ("hostnames", list(site.hostnames)),
    ]
    if site.modules_system:
        system.append(("modules_system", site.modules_system))

    probes = site.probes or {}
    system.append(
        ("partitions", [partition(cluster, each, probes.get(each.name)) for each in site.plans])
    )
    written = dictionary([("systems", [system])], "")
    return "\n".join([*lines, "site_configuration = " + written[0], *written[1:], ""])


def _plain(words: str) -> str:
    """Words that may stand in a docstring."""
    return "".join(
        each for each in words if each.isascii() and each.isprintable() and each not in '"\\'
    )


def _left_out(site: Site) -> list[str]:
    return [f"Left out: {reason}" for reason in site.left_out]

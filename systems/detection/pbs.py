"""Asks PBS Pro or Torque what its cluster is."""

import socket

from systems.detection import pbs_text
from systems.detection.cluster import Cluster
from systems.detection.programs import output_of
from systems.probing.errors import UnusableInput


def ask() -> Cluster:
    """What `pbsnodes` and `qstat` say. Raises UnusableInput where they do not answer."""
    texts = output_of("pbsnodes", "-a"), output_of("qstat", "-Q")
    try:
        return read(*texts, socket.gethostname())
    except ValueError as error:
        raise UnusableInput(f"this PBS prints what is not understood: {error}") from error


def read(nodes: str, queues: str, host: str) -> Cluster:
    """The cluster, from the texts of these commands and the name of this host."""
    found, known = pbs_text.nodes(nodes), pbs_text.queues(queues)
    if not found or not known:
        raise UnusableInput("PBS shows no node, or no queue: ask as another user")

    pro = pbs_text.is_pro(nodes)
    return Cluster(
        scheduler="pbs" if pro else "torque",
        name=host.partition(".")[0].rstrip("0123456789-"),
        version="PBS Pro" if pro else "Torque",
        nodes=tuple(found),
        queues=tuple(known),
        notes=("How long jobs may be: `qstat -Qf` says it, as resources_max.walltime.",),
    )

"""One partition of a site file, from what the scheduler says and what a node has answered."""

import re
from typing import Any

import reframe.utility as utility

from systems import _declaration as declare
from systems.detection import evidence
from systems.detection.cluster import Cluster, Gpus
from systems.detection.containers_text import containers
from systems.detection.extras_text import extras
from systems.detection.kinds import Plan
from systems.detection.source import Block, Comment, Expression, count
from systems.probing.answer import Answer
from systems.probing.errors import one_line
from systems.probing.job import ProbeJob
from systems.probing.judgement import absence

LOCAL = "local"


def partition(cluster: Cluster, plan: Plan, job: ProbeJob | None) -> list[Any]:
    """The entries of the partition; `job` is the ended probe, None while there was none."""
    answer = job.answer if job else None
    gpus = _gpus(plan, answer)
    launcher = _launcher_name(cluster, answer)
    slurm = cluster.is_slurm
    access: list[Any] = list(plan.access)
    entries: list[Any] = [
        ("name", plan.name),
        *map(Comment, (*_nodes_comments(plan), *plan.comments)),
        ("scheduler", cluster.scheduler),
        *_launcher(launcher),
        *_scheduler_options(cluster, plan),
    ]
    if slurm:
        entries.append(
            Comment("All the memory of a node: Slurm's default may be too little for TensorFlow.")
        )
        access += ["--mem=0", Expression("*ACCOUNT")]
    else:
        access += _pbs_memory(cluster, plan)

    entries += [
        ("access", access),
        ("environs", list(declare.ENVIRONS)),
        *containers(answer),
        *_processor(plan, answer),
    ]
    entries += map(Comment, _gpu_comments(plan, job, gpus))
    if gpus:
        found = evidence.model(answer) if answer else None
        arch = {"arch": found.arch} if found and found.arch else {}
        model = {"model": gpus.type} if gpus.type else {}
        entries += [
            ("devices", [{"type": "gpu", **arch, **model, "num_devices": gpus.count}]),
            ("resources", [{"name": "_rfm_gpu", "options": list(plan.gpu_options)}]),
        ]

    entries += _features(gpus, answer)
    entries.append(("extras", extras(cluster, plan, answer, one_node=launcher == LOCAL)))
    return entries


def other_gpus(plan: Plan, job: ProbeJob) -> str:
    """A line to tell where the node that answered has another number of GPUs than the scheduler
    promises: one sick node would make a partition without GPUs. Empty where it has as many."""
    promised, answer = plan.kind.gpus, job.answer
    if promised is None or answer is None:
        return ""

    found = len(answer.gpus.found) if answer.gpus else None
    written = _gpus(plan, answer)
    if found == promised.count and written and written.count == found:
        return ""

    node = one_line(answer.slurm_node or answer.node or "")
    as_what = f"with {count(written.count, 'GPU')} a node" if written else "as one without GPUs"
    return (
        f"{plan.name}: promised {count(promised.count, 'GPU')}, "
        f"found {'nobody knows how many' if found is None else found} on node {node}: "
        f"written {as_what}; see the file, or mend the node and detect again"
    )


def _scheduler_options(cluster: Cluster, plan: Plan) -> Block:
    if not cluster.is_slurm:
        return [("sched_options", {"job_submit_timeout": 60})]

    if not any(option.startswith("--exclude") for option in plan.access):
        return [("sched_options", declare.SLURM)]

    return [
        Comment(
            "Where nodes are excluded, Slurm says ReqNodeNotAvail of nodes that are only busy."
        ),
        ("sched_options", {**declare.SLURM, "ignore_reqnodenotavail": True}),
    ]


def _pbs_memory(cluster: Cluster, plan: Plan) -> list[str]:
    """Nine tenths of the memory of the smallest node, so that the system keeps some."""
    megabytes = min(each.memory for each in plan.nodes) * 9 // 10
    if not megabytes:
        return []

    return [f"mem={megabytes}mb" if cluster.scheduler == "pbs" else f"-l mem={megabytes}mb"]


def _gpus(plan: Plan, answer: Answer | None) -> Gpus | None:
    """The GPUs to declare: those that the node showed, else those that the scheduler promises."""
    promised = plan.kind.gpus
    if promised is None or answer is None:
        return promised if promised is None else Gpus(_model_of_type(promised.type), promised.count)

    found = evidence.model(answer)
    return Gpus(found.name, min(found.count, promised.count)) if found else None


def _model_of_type(kind: str) -> str:
    """A scheduler's type of GPU as a model: `v100`, but not the profile of a MIG type."""
    name = re.sub(r"^(?:nvidia|amd|tesla)_", "", kind, flags=re.IGNORECASE)
    return (
        re.sub(r"_?(?:mig_)?\d+g\.\d+gb.*", "", name, flags=re.IGNORECASE).replace("_", " ").upper()
    )


def _nodes_comments(plan: Plan) -> list[str]:
    names = [each.name for each in plan.nodes]
    idle = sorted(each.name for each in plan.nodes if not each.in_service)
    longest = plan.queue.longest
    comments = [
        f"{count(len(names), 'node')}: {utility.nodelist_abbrev(names)}."
        + (f" Jobs may take up to {_duration(longest)}." if longest else "")
    ]
    if idle:
        comments.append(f"Out of service when this was written: {utility.nodelist_abbrev(idle)}.")

    if plan.queue.restricted:
        comments.append(f"Not open to everybody: {plan.queue.restricted}.")

    return comments


def _duration(seconds: int) -> str:
    for unit, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            return count(seconds // unit, noun)

    return count(seconds, "second")


def _launcher_name(cluster: Cluster, answer: Answer | None) -> str:
    if cluster.is_slurm:
        return "srun"

    return next(iter((answer and answer.launchers) or []), LOCAL)


def _launcher(launcher: str) -> Block:
    if launcher != LOCAL:
        return [("launcher", launcher)]

    return [
        Comment("No MPI launcher is known to work: cases run as one process, on one node."),
        ("launcher", launcher),
    ]


def _processor(plan: Plan, answer: Answer | None) -> Block:
    kind, entries = plan.kind, []
    cpus = kind.cpus
    if answer is not None and answer.cpus is not None and answer.cpus < cpus:
        entries.append(
            Comment(f"The scheduler promises {cpus} processors; the node has {answer.cpus}.")
        )
        cpus = answer.cpus
    elif kind.sockets and kind.threads_per_core:
        return [
            (
                "processor",
                {
                    "num_cpus": cpus,
                    "num_cpus_per_core": kind.threads_per_core,
                    "num_cpus_per_socket": cpus // kind.sockets,
                    "num_sockets": kind.sockets,
                },
            )
        ]

    return [*entries, ("processor", {"num_cpus": cpus})] if cpus else entries


def _gpu_comments(plan: Plan, job: ProbeJob | None, gpus: Gpus | None) -> list[str]:
    promised = plan.kind.gpus
    where = f" ({promised.type})" if promised and promised.type else ""
    words = f"{count(promised.count, 'GPU')}{where} a node" if promised else "no GPU"
    if job is None:
        return []

    answer = job.answer
    if answer is None:
        return [
            f"No node was looked at ({job.failure}): what follows is the scheduler's word alone."
        ]

    if answer.gpus is None:
        return [f"The node did not say which GPUs it has: the scheduler promises {words}."]

    node, found = answer.slurm_node or answer.node, len(answer.gpus.found)
    if promised is None and found:
        return [f"The scheduler promises no GPU; {node} has {found}, which no job can ask for."]

    if promised and gpus is None:
        why = answer.gpus.complaint or absence(answer.gpus.source)
        return [
            f"The scheduler promises {words}; on {node} there is none ({why}): they are not"
            " devices here."
        ]

    if promised and found != promised.count:
        return [f"The scheduler promises {words}; {node} shows {found}."]

    return []


def _features(gpus: Gpus | None, answer: Answer | None) -> Block:
    features = ["gpu"] if gpus else []
    if answer is not None and answer.way_out is False:
        return [
            Comment("The node has no default route and no proxy: nothing can be fetched there."),
            ("features", [*features, "offline"]),
        ]

    comment = Comment('Add "offline" where nodes have no way to the internet.')
    return [comment, ("features", features)]

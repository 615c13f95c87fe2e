"""Holds what a partition's configuration promises against what a node of it answered."""

import sys

from reframe.core.systems import SystemPartition

from systems.probing import clock
from systems.probing.answer import Answer
from systems.probing.container_judgement import container_findings
from systems.probing.findings import Finding, PartitionFindings, unanswered
from systems.probing.image_judgement import image_findings
from systems.probing.job import CHECKOUT, ProbeJob, promised_gpus
from systems.probing.place_judgement import place_findings

CLOCK_SECONDS = 1.0


def judge(partition: SystemPartition, job: ProbeJob) -> PartitionFindings:
    """All the lines of one partition; where no node answered, the only one says why."""
    found = PartitionFindings(partition.fullname, job=job.number)
    answer = job.answer
    if answer is None:
        found.findings.append(
            Finding(
                "submit",
                False,
                job.failure,
                "nothing else is known of this partition before a job runs there",
            )
        )
        return found

    found.node = answer.slurm_node or answer.node or ""
    found.findings += [
        Finding("submit", True, f"job {job.number} answered after {job.waited:.0f} s"),
        _software(answer),
        _gpus(partition, answer),
        *place_findings(partition, answer),
        *container_findings(partition, answer),
        *image_findings(partition, answer),
        _clock(answer),
        _tensorflow(partition, answer),
    ]
    return found


def _software(answer: Answer) -> Finding:
    seen = answer.places or {}
    for path in (str(CHECKOUT), sys.executable):
        if path not in seen or not seen[path].readable:
            return Finding(
                "software",
                False,
                f"{path} cannot be read on the node",
                "install the suite and its Python on a file system that compute nodes see",
            )

    if answer.python != sys.executable:
        return Finding(
            "software",
            False,
            f"{sys.executable} does not run on the node",
            "build the environment for that node's processor and system",
        )

    return Finding("software", True, f"{CHECKOUT} and its Python run on the node")


def _gpus(partition: SystemPartition, answer: Answer) -> Finding:
    promised = promised_gpus(partition)
    if answer.gpus is None:
        return unanswered("GPUs", answer, "gpus")

    found, source = answer.gpus.found, answer.gpus.source
    names = ", ".join(sorted({each.name for each in found if each.name}))
    seen = f"{len(found)} of {promised} GPUs are there" + (f": {names}" if names else "")
    if not promised and not found:
        return Finding("GPUs", True, "none promised, none found")

    if len(found) < promised:
        reason = f" ({answer.gpus.complaint or absence(source)})"
        return Finding(
            "GPUs",
            False,
            seen + reason,
            "look at the node's driver and at the resource `_rfm_gpu`, or mend `devices`",
        )

    models = [each.info.get("model") for each in partition.devices if each.device_type == "gpu"]
    for model in filter(None, models):
        others = sorted({each.name for each in found if not _same_model(model, each.name)})
        if others:
            text = f"{model} was promised, {', '.join(others) or 'an unnamed GPU'} is there"
            return Finding("GPUs", False, text, "mend `devices`, or the constraint in `access`")

    profile = partition.extras.get("mig_profile")
    profiles = sorted({each.mig_profile for each in found})
    if profiles != [profile or ""]:
        there = ", ".join(filter(None, profiles)) or "none"
        text = f"MIG profile {profile or 'none'} was promised, {there} is there"
        return Finding("GPUs", False, text, "mend `mig_profile`, or how the GPUs are cut")

    return Finding("GPUs", True, seen)


def absence(source: str) -> str:
    """Where one has looked for GPUs in vain."""
    return f"by {source}" if source != "/dev" else "no nvidia-smi, rocm-smi or /dev/nvidia*"


def _same_model(promised: str, found: str) -> bool:
    """Whether each word of the promised name is in the one found, whatever is between them."""
    words = found.upper().replace("-", " ").split()
    return all(word in words for word in promised.upper().replace("-", " ").split())


def _clock(answer: Answer) -> Finding:
    measured = clock.offset(answer.clock or [])
    service = f"; {answer.time_service}" if answer.time_service else ""
    if measured is None:
        text = answer.failed.get("clock", "the node's clock could not be compared") + service
        return Finding("clock", False, text, "check again; the stage folder may be slow")

    text = f"{measured.ahead:+.3f} s from this host's, within {measured.error:.3f} s" + service
    if abs(measured.ahead) - measured.error > CLOCK_SECONDS:
        return Finding("clock", False, text, "set the node's clock (chronyd, ntpd)")

    return Finding("clock", True, text)


def _tensorflow(partition: SystemPartition, answer: Answer) -> Finding:
    seen = answer.tensorflow
    if seen is None:
        return unanswered("TensorFlow", answer, "tensorflow")

    if seen.error or seen.gpus is None:
        return Finding(
            "TensorFlow",
            False,
            seen.error or "it does not say which GPUs it sees",
            "run `python -m workloads.devices` on that node",
        )

    present = answer.gpus.found if answer.gpus else []
    expected = max(len(present), promised_gpus(partition))
    vendor = "ROCm" if answer.gpus and answer.gpus.source == "rocm-smi" else "CUDA"
    text = f"TensorFlow {seen.version}, built for {seen.build}, sees {len(seen.gpus)} GPUs"
    if expected and not seen.build.startswith(vendor):
        return Finding(
            "TensorFlow", False, f"{text}; these need {vendor}", f"install one built for {vendor}"
        )

    if len(seen.gpus) < expected:
        return Finding(
            "TensorFlow",
            False,
            f"{text} of {expected}",
            f"check the driver, and that TensorFlow's {vendor} libraries are installed",
        )

    return Finding("TensorFlow", True, text)

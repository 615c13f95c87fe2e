"""How much of the speed of one GPU (or one node, on CPUs) each of several keeps."""

from perflogs.session import Case, Session

#: How the names of throughputs end: `imgs_per_s` is the published name of that of inference.
_THROUGHPUTS = ("throughput", "imgs_per_s")
#: What counts the devices of a case: the first of these parameters that is not 0.
_SIZES = ("num_gpus", "cpu_nodes")


def scaling_efficiency(session: Session, case: Case) -> float | None:
    """Throughput over n times that of the same case on one GPU, or on one node for a case on CPUs.

    None unless both ran in this session and passed, and n is more than 1; 1.0 is perfect."""
    count = _count(case)
    mine = throughput(case)
    if not case.green or count is None or count[1] < 2 or mine is None:
        return None

    for other in session.cases:
        alone = throughput(other)
        same = other.green and _count(other) == (count[0], 1) and _key(other) == _key(case)
        if same and alone is not None and alone[1] == mine[1] and alone[0] > 0:
            return mine[0] / (count[1] * alone[0])

    return None


def throughput(case: Case) -> tuple[float, str] | None:
    """The throughput of a case and its unit; None where it has none."""
    found = (each for name, each in case.metrics.items() if name.endswith(_THROUGHPUTS))
    return next(found, None)


def _count(case: Case) -> tuple[str, int] | None:
    for name in _SIZES:
        value = case.parameters.get(name, "0")
        if value.isdecimal() and int(value) > 0:
            return name, int(value)

    return None


def _key(case: Case) -> tuple[object, ...]:
    """All that must be equal beside the number of devices."""
    others = sorted((name, value) for name, value in case.parameters.items() if name not in _SIZES)
    return case.name.split(" %")[0], case.place, case.run, case.pinned_to, *others

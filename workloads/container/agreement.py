"""Whether two trainings were of the same thing, and came to the same result."""

from workloads.common.errors import RunFailed, UnusableInput
from workloads.container.told import Told

# What has to be equal before anything can be compared.
CONDITIONS = (
    "workload_version",
    "preset",
    "seed",
    "dataset_digest",
    "precision",
    "deterministic",
    "device_name",
    "gpus_used",
)
_RESULTS = ("_loss", "_accuracy")
_VERSIONS = ("tensorflow_version", "keras_version", "python_version")


def require_same(first: Told, other: Told, which: str) -> None:
    """Compare a training with the first one, which was native; `which` names the other.

    Raises RunFailed, naming what differs, where it had other conditions or came to another result
    in any digit, and where nothing tells what they came to.
    """
    for name in CONDITIONS:
        if name not in first.provenance or name not in other.provenance:
            raise RunFailed(f"the records of the trainings do not all say {name}")
        _require_equal(name, first.provenance[name], other.provenance[name], which)
    names = results(first)
    if not names:
        raise RunFailed("the training reports nothing by which its result could be compared")
    for name in names:
        _require_equal(
            name, first.figure(name), other.figure(name), f"{which}{_versions(first, other)}"
        )


def require_image(training: Told, inside: bool) -> None:
    """Raises UnusableInput where a training was natively that should have been `inside` an image,
    or the reverse: the comparison would be of equals."""
    name = training.provenance.get("image_name")
    if inside and name is None:
        raise UnusableInput(
            "the training in the image ran no code of an image of this suite: name its own Python, "
            "/opt/trigpoint/environment/bin/python, at the end of the command"
        )
    if name is not None and not inside:
        raise UnusableInput(f"this runs in the image of {name} itself: start it from a checkout")


def results(training: Told) -> list[str]:
    """The figures that must be equal to the last digit: those that the seed fixes."""
    names = set(training.constants)
    if training.provenance.get("deterministic") is True:
        names |= {name for name in training.figures if name.endswith(_RESULTS)}
    return sorted(names)


def _require_equal(name: str, first: object, other: object, which: str) -> None:
    if first != other:
        raise RunFailed(f"{name} is {first!r} in run 1 natively, {other!r} in {which}")


def _versions(first: Told, other: Told) -> str:
    """Which libraries differ, if any, behind a result that does."""
    pairs = {name: [each.provenance.get(name) for each in (first, other)] for name in _VERSIONS}
    different = [f"{name} {a} and {b}" for name, (a, b) in pairs.items() if a != b]
    return f" ({', '.join(different)})" if different else ""

"""How figures and findings are put into words."""

from perflogs.fleet.finding import DIFFERENT, UNSTEADY, NodeFinding


def amount(value: float, comparison: str, unit: str) -> str:
    """A difference in the terms in which the metric is compared: `-5.2 %`, `+0.012 K`."""
    if comparison != "absolute":
        return f"{100 * value:+.1f} %"

    return f"{value:+.4g}" + ("" if unit in ("", "1") else f" {unit}")


def case(name: str) -> str:
    """The case, as `SkylineTrain num_gpus=1 preset=nightly`."""
    return " ".join(name.split(" %"))


def by_how_much(finding: NodeFinding) -> str:
    """How the node differs from its peers."""
    if finding.kind == DIFFERENT:
        return f"{finding.value!r}, not {finding.expected!r}"

    size = amount(finding.difference, finding.comparison, finding.unit)
    if finding.kind == UNSTEADY:
        return f"scatters by {size.lstrip('+')}, {finding.score:.1f} times as much as its peers"

    return f"{size} ({finding.score:.1f} standard deviations)"


def since(finding: NodeFinding) -> str:
    """The night on which it began, or by which it had begun."""
    return f"{finding.since} or before" if finding.throughout else f"{finding.since}"


def reason(finding: NodeFinding) -> str:
    """Everything about a finding in one line."""
    return (
        f"{finding.kind}: {case(finding.name)} {finding.metric} {by_how_much(finding)} since "
        f"{since(finding)}, {finding.bad} of {finding.runs} runs"
    )

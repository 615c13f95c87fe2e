"""How findings about nodes are put into words."""

from perflogs.fleet.finding import DIFFERENT, FAILING, UNSTEADY, NodeFinding
from perflogs.words import amount, case_in_words, shortened


def by_how_much(finding: NodeFinding) -> str:
    """How the node differs from its peers."""
    if finding.kind == DIFFERENT:
        return f"{finding.value!r}, not {finding.expected!r}"

    if finding.kind == FAILING:
        return shortened(finding.reason)

    size = amount(finding.difference, finding.comparison, finding.unit)
    if finding.kind == UNSTEADY:
        return f"scatters by {size.lstrip('+')}, {finding.score:.1f} times as much as its peers"

    return f"{size} ({finding.score:.1f} standard deviations)"


def since(finding: NodeFinding) -> str:
    """The night on which it began, or by which it had begun."""
    return f"{finding.since} or before" if finding.throughout else f"{finding.since}"


def reason(finding: NodeFinding) -> str:
    """Everything about a finding in one line."""
    words = (
        f"{finding.kind}:",
        case_in_words(finding.name),
        finding.metric,
        by_how_much(finding),
        f"since {since(finding)}, {finding.bad} of {finding.runs} runs",
        f"(perhaps for its {finding.causes})" if finding.causes else "",
    )
    return " ".join(filter(None, words))

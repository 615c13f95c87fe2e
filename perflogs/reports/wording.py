"""How a finding is put into words: the same on the page and in files that people read."""

from perflogs.judging.finding import Finding, Measured
from perflogs.words import amount, case_in_words, unit_behind

_SEVERAL = 6
# So small a part of the other level is no level of its own.
_ROUNDING = 1e-12


def short_name(finding: Finding) -> str:
    """The case, as `SkylineTrain num_gpus=1 preset=nightly`; the place for a partition."""
    return case_in_words(finding.name) or f"all of {finding.place}"


def change_in_words(measured: Measured) -> str:
    """By how much, in which direction, how sure, and from where to where."""
    words = [f"{measured.metric} {_amount(measured, measured.difference)}"]
    if measured.low is not None and measured.high is not None:
        bounds = f"{_amount(measured, measured.low)} to {_amount(measured, measured.high)}"
        words.append(f" (95 %: {bounds})")

    levels = [_level(each, measured) for each in (measured.before, measured.after)]
    words.append(f", {levels[0]} -> {levels[1]}{unit_behind(measured.unit)}")
    if measured.better in ("higher", "lower"):
        words.append(f" ({measured.better} is better)")

    if measured.confidence is not None:
        words.append(f", {_sure(measured.confidence)} sure")

    if measured.score is not None:
        words.append(f", {abs(measured.score):.1f} standard deviations from what is usual")

    return "".join(words)


def nodes_in_words(nodes: tuple[str, ...]) -> str:
    """`n1, n2`, or the first of many and how many there are; empty for none."""
    if len(nodes) <= _SEVERAL:
        return ", ".join(nodes)

    return f"{', '.join(nodes[:_SEVERAL])} and {len(nodes) - _SEVERAL} more nodes"


def story(finding: Finding) -> str:
    """What happened, in one line, without the name of the case."""
    said = []
    if finding.measured is not None:
        said.append(change_in_words(finding.measured))

    if finding.reason:
        said.append(finding.reason)

    if finding.silent_since is not None:
        said.append(f"not run any more since the night of {finding.silent_since}")

    return "; ".join(said)


def _sure(confidence: float) -> str:
    # What is not certain does not read as if it were.
    return "over 99.9 %" if confidence > 0.999 else f"{100 * confidence:.1f} %"


def _level(value: float, measured: Measured) -> str:
    # What is left of zero by rounding is zero.
    if abs(value) <= _ROUNDING * max(abs(measured.before), abs(measured.after)):
        return "0"

    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.6g}"


def _amount(measured: Measured, value: float) -> str:
    return amount(value, measured.comparison, measured.unit)

"""A verdict as JUnit XML, for continuous integration: a test for each metric and each case."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from perflogs.judging.finding import FAILURE, NOT_RUN, NOT_SCHEDULED, REGRESSION, Finding
from perflogs.judging.verdict import Verdict
from perflogs.reports.wording import story
from perflogs.series import Series

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(verdict: Verdict) -> str:
    """A suite for each partition. A test of a metric fails for a confirmed regression, that of a
    case when the case failed; what could not be judged, did not run or is acknowledged is skipped.
    """
    root = ElementTree.Element("testsuites", name="perflogs")
    places = {series.place for series in (*(each for each, _ in verdict.judged), *verdict.young)}
    places |= {each.place for each in verdict.findings}
    for place in sorted(places):
        suite = ElementTree.SubElement(root, "testsuite", name=_xml(place))
        for series, _ in verdict.judged:
            if series.place == place:
                _add(suite, series.name, series.metric, _regressions(series, verdict.findings))

        for series in verdict.young:
            if series.place == place:
                case = _add(suite, series.name, series.metric, [])
                text = f"{len(series.values)} run(s): too few to be judged"
                ElementTree.SubElement(case, "skipped", message=text)

        for finding in verdict.findings:
            if finding.place == place and finding.state in (FAILURE, NOT_RUN):
                _add(suite, finding.name or finding.place, "ran and passed", [finding])

        for kind, name in (("failure", "failures"), ("skipped", "skipped")):
            suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))

        suite.set("tests", str(len(suite)))
        suite.set("errors", "0")

    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _regressions(series: Series, findings: Iterable[Finding]) -> list[Finding]:
    return [
        each for each in findings if each.state == REGRESSION and each.series == series.identity
    ]


def _add(
    suite: ElementTree.Element, case: str, name: str, findings: Iterable[Finding]
) -> ElementTree.Element:
    added = ElementTree.SubElement(suite, "testcase", classname=_xml(case), name=_xml(name))
    findings = list(findings)
    weighty = [each for each in findings if _has_weight(each)]
    for finding in weighty[:1] or findings[:1]:
        outcome = ElementTree.SubElement(added, "failure" if weighty else "skipped")
        outcome.set("message", _xml(f"{finding.identity}: {story(finding)}"))
        if weighty:
            outcome.set("type", finding.category)
            outcome.text = "\n".join(_xml(_details(each)) for each in weighty)

    return added


def _has_weight(finding: Finding) -> bool:
    """Not what is known of, or passed since; nor what never ran, for a full queue is no defect."""
    known = finding.acknowledged or finding.recovered
    return not (known or finding.state == NOT_RUN or finding.category == NOT_SCHEDULED)


def _details(finding: Finding) -> str:
    put_down = f", put down to {finding.attribution}" if finding.state == REGRESSION else ""
    lines = [
        f"{finding.identity} {story(finding)}",
        f"since {finding.since}{put_down}",
        f"on {', '.join(finding.nodes)}" if finding.nodes else "",
        f"again: {finding.again}" if finding.again else "",
    ]
    return "\n".join(filter(None, lines))


def _xml(text: str) -> str:
    """The text without what XML cannot hold, such as the colours of a terminal."""
    return _NOT_XML.sub("?", text)

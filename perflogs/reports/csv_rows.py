"""A verdict as CSV, for spreadsheets: a row for each finding."""

from perflogs.documents import csv_text
from perflogs.judging.finding import Finding
from perflogs.judging.verdict import Verdict


def as_csv(verdict: Verdict) -> str:
    """A header, and a row for each finding, with the fields that the JSON document has, and the
    name of its incident first."""
    columns = ["incident", *Finding("", "", "", "", "").as_record()]
    incidents = {
        member.identity: incident.identity
        for incident in verdict.incidents
        for member in incident.members
    }
    return csv_text(
        columns,
        (
            {"incident": incidents.get(finding.identity, ""), **finding.as_record()}
            for finding in verdict.findings
        ),
    )

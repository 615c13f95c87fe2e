"""A verdict as CSV, for spreadsheets: a row for each finding."""

from perflogs.documents import csv_text
from perflogs.judging.finding import Finding
from perflogs.judging.verdict import Verdict

#: The name of its incident, and the fields that a finding has in the JSON document.
COLUMNS = ("incident", *Finding("", "", "", "", "").as_record())


def as_csv(verdict: Verdict) -> str:
    """A header, and a row for each finding."""
    incidents = {
        member.identity: incident.identity
        for incident in verdict.incidents
        for member in incident.members
    }
    return csv_text(
        COLUMNS,
        (
            {"incident": incidents.get(finding.identity, ""), **finding.as_record()}
            for finding in verdict.findings
        ),
    )

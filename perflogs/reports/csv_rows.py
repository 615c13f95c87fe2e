"""A verdict as CSV, for spreadsheets: a row for each finding."""

import csv
import io
from typing import Any

from perflogs.judging.finding import Finding
from perflogs.judging.verdict import Verdict

# What a spreadsheet takes for a formula; the texts come from logs.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(verdict: Verdict) -> str:
    """A header, and a row for each finding, with the fields that the JSON document has, and the
    name of its incident first."""
    columns = ["incident", *Finding("", "", "", "", "").as_record()]
    incidents = {
        member.identity: incident.identity
        for incident in verdict.incidents
        for member in incident.members
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for finding in verdict.findings:
        row = {"incident": incidents.get(finding.identity, ""), **finding.as_record()}
        writer.writerow({key: _harmless(value) for key, value in row.items()})

    return text.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

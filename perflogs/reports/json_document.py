"""A verdict as JSON, for programs: all that the page has."""

from perflogs.documents import json_text
from perflogs.judging.verdict import Verdict


def as_json(verdict: Verdict) -> str:
    """A JSON object with

    * `version`: 1, raised when a field changes its meaning or goes,
    * `exit_code`: as `check` returns it,
    * `newest`: when the newest record was made (ISO 8601, UTC), or null,
    * `nights`: the newest night of each partition, by `system:partition`,
    * `series`: how many series were judged, `young`: how many have too few runs to be,
    * `ended`: names of the regressions of series that others have followed (no findings any more),
    * `future`: how many runs were left out because their time lies ahead,
    * `earlier`: how many findings had been said before `--since`, and are not in it,
    * `incidents`: objects with `incident` (its name) and `findings` (names, the clearest first);
      acknowledged findings are in none,
    * `findings`: objects with `finding` (name), `state` (regression, suspect, improvement, change,
      failure, not run), `class` (regression, hardware, failure, not scheduled, suite error, or
      empty), `system`, `partition`, `environ`, `name` (empty for a whole partition), `metric`,
      `unit`, `better`, `comparison`, the levels `before` and `after`, `difference` and its 95 %
      bounds `low` and `high` (fractions of `before` where `comparison` is relative, else in
      `unit`), `confidence`, `score` (robust standard deviations, of suspects), `since` (a night),
      `node` (which explains it alone), `nodes` (separated by commas), `causes` (by `; `), `reason`,
      `recovered`, `silent_since` (the night since which a failed case has not reported), `series`
      (its identity), `again` (a shell command), `acknowledged_by`, `acknowledged_until` and
      `acknowledged_because`,
    * `unreadable`: `count`, `tonight` (how many are of the newest night), and of the
      first ones `lines` with `path`, `line`, `text` and `why`,
    * `unfinished`: files whose last line is being written, `sources`: what was read."""
    unreadable = [
        {"path": str(each.path), "line": each.line, "text": each.text, "why": each.why}
        for each in verdict.history.unreadable
    ]
    document = {
        "version": 1,
        "exit_code": verdict.exit_code,
        "newest": None if verdict.newest is None else verdict.newest.isoformat(),
        "nights": {":".join(place): night.isoformat() for place, night in verdict.nights.items()},
        "series": len(verdict.judged),
        "young": len(verdict.young),
        "ended": [each.identity for each in verdict.ended],
        "future": verdict.future,
        "earlier": verdict.earlier,
        "incidents": [
            {
                "incident": each.identity,
                "findings": [member.identity for member in each.members],
            }
            for each in verdict.incidents
        ],
        "findings": [each.as_record() for each in verdict.findings],
        "unreadable": {
            "count": verdict.unreadable,
            "tonight": verdict.unread_tonight,
            "lines": unreadable,
        },
        "unfinished": [str(each) for each in verdict.history.unfinished],
        "sources": [str(each) for each in verdict.history.sources],
    }
    return json_text(document)

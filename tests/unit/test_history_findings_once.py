"""A case that failed and then stopped reporting is one finding; nothing is hidden by that."""

from datetime import UTC, date, datetime, time, timedelta

from history_verdicts import failed, verdict
from simulated_history import FIRST_NIGHT, Run, history, morning_after, series

from perflogs.exit_codes import CLEAN, FAILED, NOT_JUDGED
from perflogs.judging.acknowledgements import acknowledge
from perflogs.judging.finding import Acknowledgement, Finding
from perflogs.judging.verdict import Verdict, reach_verdict
from perflogs.reports.csv_rows import as_csv
from perflogs.reports.wording import story

#: Twenty nights, of which the case ran in fifteen, and failed in the last of these.
OTHERS = series([1000.0] * 20, name="Other")
GONE = [*series([1000.0] * 14, name="Gone"), failed("Gone", 14)]


def known_of(*findings: Finding) -> dict[str, Acknowledgement]:
    now = datetime.combine(morning_after(OTHERS), time(8), UTC)
    return {
        each.identity: acknowledge(each, "known", "ada", now, date(2027, 1, 1)) for each in findings
    }


def judged(runs: list[Run], known: dict[str, Acknowledgement]) -> Verdict:
    return reach_verdict(history(runs), known, morning_after(runs))


def told(found: Verdict) -> list[tuple[str, bool]]:
    """The state of each finding, and whether it is acknowledged."""
    return [(each.state, each.acknowledged is not None) for each in found.findings]


def test_a_failed_case_that_stopped_reporting_is_one_finding_that_says_since_when() -> None:
    found = verdict(*OTHERS, *GONE)
    [finding] = found.findings
    assert (finding.state, found.exit_code, found.earlier) == ("failure", FAILED, 0)
    assert finding.silent_since == finding.since == FIRST_NIGHT + timedelta(days=14)
    assert (
        story(finding) == "sanity: run: exit code 1; not run any more since the night of 2026-01-15"
    )
    assert "2026-01-15" in as_csv(found).splitlines()[1]
    # It was still there in this night.
    [before] = verdict(*OTHERS[:15], *GONE).findings
    assert (before.identity, before.silent_since) == (finding.identity, None)


def test_on_whatever_nodes_it_failed_it_is_not_said_again_that_it_stopped() -> None:
    runs = [
        Run(name="Gone", night=night, nodes=node, hour=hour, columns={"hashcode": node})
        for night in range(14)
        for hour, node in enumerate(("n1", "n2", "n3"))
    ]
    failures = [
        failed("Gone", 14, nodes=node, columns={"hashcode": node}, failure_class="hardware")
        for node in ("n1", "n2")
    ]
    found = verdict(*OTHERS, *runs, *failures).findings
    assert [(each.state, each.nodes) for each in found] == [
        ("failure", ("n1",)),
        ("failure", ("n2",)),
    ]
    assert {each.silent_since for each in found} == {FIRST_NIGHT + timedelta(days=14)}


def test_a_silence_is_told_where_the_failure_was_known_before() -> None:
    [failure] = verdict(*OTHERS[:15], *GONE).findings
    found = judged([*OTHERS, *GONE], known_of(failure))
    assert told(found) == [("failure", True), ("not run", False)]
    assert found.exit_code == NOT_JUDGED


def test_both_are_acknowledged_at_once_until_the_case_reports_again() -> None:
    known = known_of(*verdict(*OTHERS, *GONE).findings)
    found = judged([*OTHERS, *GONE], known)
    assert (told(found), found.exit_code) == ([("failure", True)], CLEAN)
    again = judged([*OTHERS, *GONE, failed("Gone", 19)], known)
    assert (told(again), again.exit_code) == ([("failure", False)], FAILED)


def test_a_silence_that_is_acknowledged_stays_beside_the_failure() -> None:
    silent = verdict(*OTHERS, *GONE[:-1]).findings
    assert [each.state for each in silent] == ["not run"]
    found = judged([*OTHERS, *GONE], known_of(*silent))
    assert told(found) == [("failure", False), ("not run", True)]


def test_a_failure_that_has_recovered_or_is_not_shown_hides_no_silence() -> None:
    passed = Run(name="Gone", night=14, hour=4.0)
    begun = FIRST_NIGHT + timedelta(days=10)
    found = verdict(*OTHERS, *GONE, passed, since=begun)
    assert [(each.state, each.recovered) for each in found.findings] == [
        ("failure", True),
        ("not run", False),
    ]
    long = [*GONE[:8], *(failed("Gone", night) for night in range(8, 15))]
    assert [each.state for each in verdict(*OTHERS, *long).findings] == ["failure"]
    later = verdict(*OTHERS, *long, since=begun)
    assert [each.state for each in later.findings] == ["not run"]


def test_what_was_planned_and_did_not_run_keeps_its_own_reason() -> None:
    skipped = Run(name="Gone", night=18, result="skip", figures={}, nodes="")
    defect = failed("Gone", 14, failure_class="hardware", nodes="n1")
    found = verdict(*OTHERS, *GONE[:-1], defect, skipped).findings
    assert {(each.state, each.reason.split(":")[0], each.silent_since) for each in found} == {
        ("failure", "sanity", None),
        ("not run", "not run", None),
    }

"""One and the same failure is known again, whatever random words its reason has."""

from datetime import date

import pytest
from history_verdicts import failed, findings_of, verdict
from hypothesis import given
from hypothesis import strategies as st
from simulated_history import Run, history, morning_after, series

from perflogs.exit_codes import CLEAN, FAILED
from perflogs.judging.acknowledgements import acknowledge
from perflogs.judging.lasting_words import lasting_words
from perflogs.judging.verdict import reach_verdict

DRAWN = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=8, max_size=8)
HEX = st.text("0123456789abcdef", min_size=8, max_size=64)
#: Reasons, with places for what is drawn anew every time.
REASONS = [
    "run: exit code 1: cannot open /tmp/{drawn}/train.h5",
    "run: [Errno 2] No such file: '/scratch/ada/tmp{drawn}/out.json'",
    "run: /dev/shm/{drawn}: no space left on device",
    "run: pid {number}: segmentation fault at 0x{hex}, core in /var/tmp/core.{number}",
    "sanity: image sha256:{hex} of commit {hex} is not the one of the lock",
    "sanity: session {uuid} ended after {seconds} s on n{number}",
    "performance: loss={tiny}, expected {seconds} (l={tiny}, u={seconds})",
]


@given(st.data())
@pytest.mark.parametrize("reason", REASONS)
def test_what_is_drawn_every_time_makes_no_other_reason(reason: str, data: st.DataObject) -> None:
    def filled() -> str:
        return reason.format(
            drawn=data.draw(DRAWN),
            hex=data.draw(HEX),
            uuid=data.draw(st.uuids()),
            number=data.draw(st.integers(0, 4_000_000)),
            seconds=data.draw(st.floats(0.1, 1e4)),
            tiny=data.draw(st.floats(-1e-3, -1e-9)),
        )

    assert lasting_words(filled()) == lasting_words(filled())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("commit abcdefab", "commit deadbeef"),
        ("core c0ffee", "core 12ab56"),
        ("bias=-0.3, expected 0", "bias=0.25, expected 0"),
        ("step100 took 1 s", "step99 took 1.5e-05 s"),
        ("node n117 in tmp.AbCdEfGhIj", "node n2 in tmp.zyxwvuts12"),
    ],
)
def test_hexadecimal_words_numbers_and_temporary_names_make_no_other_reason(
    one: str, other: str
) -> None:
    assert lasting_words(one) == lasting_words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cannot open /tmp/a1/train.h5", "cannot open /tmp/a1/labels.h5"),
        ("cannot open /data/train.h5", "cannot open /data/labels.h5"),
        ("the loss is nan", "the loss is 3.5"),
        ("exit code 1", "exit signal 9"),
        ("temperature too high", "temporary failure"),
        ("no module named facade", "no module named decade"),
        ("test_accuracy=0.3, expected 0.9", "test_loss=0.3, expected 0.9"),
        ("n1-gpu failed", "n1-cpu failed"),
    ],
)
def test_other_words_make_another_reason(one: str, other: str) -> None:
    assert lasting_words(one) != lasting_words(other)


def broken(night: int, word: str, name: str = "Train") -> Run:
    """A run that failed on a temporary file."""
    return failed(name, night, fail_reason=f"run: cannot open /tmp/tmp{word}/x.h5, pid {night}")


def test_what_is_acknowledged_today_is_acknowledged_tomorrow() -> None:
    runs = [*series([1000.0] * 9, name="Other"), broken(7, "abcdefgh")]
    [finding] = findings_of("failure", *runs)
    known = acknowledge(finding, "known", "ada", verdict(*runs).newest, date(2027, 1, 1))
    for word, code in (("zyxwvuts", CLEAN), ("k2j4x6_9", CLEAN), ("x/labels", FAILED)):
        later = [*runs, broken(8, word)]
        found = reach_verdict(history(later), {finding.identity: known}, morning_after(later))
        assert found.exit_code == code


def test_failures_with_other_random_words_are_one_incident_whose_name_stays() -> None:
    runs = [*series([1000.0] * 9, name="Other")]
    for night, words in ((7, ("abcdefgh", "k2j4x6_9")), (8, ("zyxwvuts", "00000000"))):
        runs += [broken(night, word, name) for name, word in zip("AB", words, strict=True)]

    [first] = verdict(*(run for run in runs if run.night < 8)).incidents
    [second] = verdict(*runs).incidents
    assert len(second.members) == 2
    assert first.identity == second.identity
    other = broken(8, "x/labels", "B")
    assert len(verdict(*runs, other).incidents) == 2

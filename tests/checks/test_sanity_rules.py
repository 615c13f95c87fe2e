"""Each rule of sanity turns red when what it guards is broken, and names the cause."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from checks.base.evidence import Evidence
from checks.base.records import RecordsError, parse
from checks.base.sanity import Expectation, complaint

EXPECTED = Expectation(
    stage="train",
    metrics=("throughput", "validation_accuracy"),
    floors={"validation_accuracy": 0.9},
    units={"throughput": "images/s"},
    asked={"gpus_used": 2, "ranks_agree": True, "precision": "float32"},
)
GOOD: list[dict[str, Any]] = [
    {"key": "run_start", "value": None, "metadata": {"stage": "train"}},
    {
        "key": "throughput",
        "value": 1000.0,
        "metadata": {
            "kind": "metric",
            "unit": "images/s",
            "better": "higher",
            "comparison": "relative",
        },
    },
    {
        "key": "validation_accuracy",
        "value": 0.95,
        "metadata": {
            "kind": "metric",
            "unit": "1",
            "better": "higher",
            "comparison": "absolute",
        },
    },
    {"key": "gpus_used", "value": 2, "metadata": {"kind": "provenance"}},
    {"key": "ranks_agree", "value": True, "metadata": {"kind": "provenance"}},
    {"key": "precision", "value": "float32", "metadata": {"kind": "provenance"}},
    {"key": "epoch_stop", "value": 1, "metadata": {"kind": "event"}},
    {"key": "run_stop", "value": None, "metadata": {"stage": "train", "status": "success"}},
]


def lines(records: list[dict[str, Any]]) -> str:
    """Standard output with these records between lines of other kinds."""
    text = "\n".join(f":::MLLOG {json.dumps(record)}" for record in records)
    return f"epoch 1 of 1\n{text}\ntrigpoint: exit code 0\n"


def changed(key: str, /, **changes: Any) -> str:
    """Standard output where the record `key` has other fields (metadata fields count too)."""
    records = json.loads(json.dumps(GOOD))
    [record] = [each for each in records if each["key"] == key]
    for name, value in changes.items():
        if name in ("key", "value"):
            record[name] = value
        else:
            record["metadata"][name] = value

    return lines(records)


def without(key: str) -> str:
    """Standard output without the record `key`."""
    return lines([record for record in GOOD if record["key"] != key])


def verdict(stdout: str, exit_code: int | None = 0, stderr: str = "", **more: Any) -> str | None:
    """The complaint about a job that ended so."""
    found = complaint(Evidence(exit_code, stdout, stderr, **more), EXPECTED)
    return None if found is None else str(found)


def test_records_in_which_all_is_well_pass() -> None:
    assert verdict(lines(GOOD)) is None
    assert verdict(changed("validation_accuracy", value=0.9)) is None


def test_a_floor_of_a_metric_that_need_not_be_there_is_red_without_it() -> None:
    expected = replace(EXPECTED, metrics=("throughput",))
    found = complaint(Evidence(0, without("validation_accuracy"), ""), expected)
    assert str(found) == (
        "judgement: the metric validation_accuracy is missing: its floor 0.9 cannot be judged"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2.5, None),
        (3.0, None),
        (3.01, "skyline_error is 3.01, above its ceiling 3.0"),
        (float("nan"), "skyline_error is nan: not a finite number"),
        (float("inf"), "skyline_error is inf: not a finite number"),
        (None, "the metric skyline_error is missing: its ceiling 3.0 cannot be judged"),
    ],
)
@pytest.mark.parametrize("is_required", [False, True])
def test_a_value_above_its_ceiling_is_red_and_so_is_none(
    value: float | None, message: str | None, is_required: bool
) -> None:
    compared = {"better": "lower", "comparison": "relative"}
    metadata = {"kind": "metric", "unit": "pixels", **compared}
    error = {"key": "skyline_error", "value": value, "metadata": metadata}
    stdout = lines(GOOD if value is None else [error, *GOOD])
    expected = replace(EXPECTED, ceilings={"skyline_error": 3.0})
    if is_required:
        expected = replace(expected, metrics=(*EXPECTED.metrics, "skyline_error"))
        message = message and message.replace(": its ceiling 3.0 cannot be judged", " from the")

    found = complaint(Evidence(0, stdout, ""), expected)
    assert (found is None) if message is None else str(found).startswith(f"judgement: {message}")


@pytest.mark.parametrize(
    ("stdout", "message"),
    [
        (without("run_stop"), "the closing record is missing"),
        (changed("run_stop", status="failed", reason="the loss is NaN"), "failed: the loss is NaN"),
        (
            changed("run_stop", stage="pack"),
            "the closing record is of stage 'pack', not of 'train'",
        ),
        (without("throughput"), "the metric throughput is missing from the records"),
        (changed("throughput", value=float("nan")), "throughput is nan: not a finite number"),
        (changed("throughput", value=float("inf")), "throughput is inf: not a finite number"),
        (changed("throughput", value="fast"), "throughput is not a number: 'fast'"),
        (changed("throughput", value=True), "throughput is not a number: True"),
        (changed("throughput", unit=""), "throughput has no unit"),
        (changed("throughput", unit="images/min"), "is in images/min, its reference in images/s"),
        (changed("throughput", better="more"), "does not say which direction is better: 'more'"),
        (changed("throughput", comparison="by eye"), "does not say how it is compared: 'by eye'"),
        (changed("gpus_used", value=1), "gpus_used is 1, asked for was 2"),
        (without("gpus_used"), "no record says gpus_used: it should be 2"),
        (changed("ranks_agree", value=False), "ranks_agree is False, asked for was True"),
        (without("ranks_agree"), "no record says ranks_agree"),
        (
            changed("precision", value="mixed_float16"),
            "precision is 'mixed_float16', asked for was",
        ),
        (changed("validation_accuracy", value=0.899), "is 0.899, below its floor 0.9"),
        (changed("epoch_stop", key="not_finite", value="train_loss"), "finite number: train_loss"),
        (lines([*GOOD, {**GOOD[1], "value": 7.0}]), "throughput is reported twice: 1000.0 and 7.0"),
        (lines([{**GOOD[-1], "metadata": {"status": "failed"}}, *GOOD]), "with status failed"),
        (lines(GOOD) + ':::MLLOG {"key": "thro', "a record cut short or garbled"),
        (lines([*GOOD, {"key": "x", "value": 1}]), "a record without 'metadata'"),
        ("trigpoint: exit code 0\n", "the closing record is missing: nothing says why"),
    ],
)
def test_a_broken_record_is_red(stdout: str, message: str) -> None:
    found = verdict(stdout)
    assert found is not None
    assert message in found


@pytest.mark.parametrize(
    ("exit_code", "printed", "message"),
    [
        (1, "1", "exit code 1: the checkpoint is of the other model"),
        (1, "0", "exit code 1"),
        (9, "1", "exit code 9"),
        (0, "1", "exit code 1"),
        (None, "1", "exit code 1"),
        (None, None, "the job ended without an exit code"),
        (None, "0", None),
        (0, None, None),
    ],
)
def test_the_exit_code_is_the_scheduler_s_and_the_script_s(
    exit_code: int | None, printed: str | None, message: str | None
) -> None:
    stdout = lines(GOOD).replace("trigpoint: exit code 0\n", "")
    stdout += "" if printed is None else f"trigpoint: exit code {printed}\n"
    stderr = "warming up\nerror: the checkpoint is of the other model\nbye"
    found = verdict(stdout, exit_code, stderr)
    assert (found is None) if message is None else (message in str(found))


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        (
            "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO TIME LIMIT ***",
            "time limit",
        ),
        ("=>> PBS: job killed: walltime 61 exceeded limit 60", "the time limit was hit"),
        ("slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01 ***", "the job was cancelled"),
        ("slurmstepd: error: *** STEP 7.0 ON n1 FAILED (Node failure on n1)", "a node was lost"),
        ("slurmstepd: error: Detected 1 oom_kill event in step 7.0", "the job ran out of memory"),
        (
            "slurmstepd: error: Step 7.0 exceeded memory limit (9 > 8), being killed\n"
            "slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-01-01 ***",
            "the job ran out of memory",
        ),
        ("slurmstepd: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO PREEMPTION ***", "was preempted"),
        ("slurmstepd: error: Exceeded job memory limit", "the job ran out of memory"),
        ("srun: error: n1: task 0: Out Of Memory", "the job ran out of memory"),
        ("PBS: node failed: n2", "a node was lost"),
        ("srun: error: node2: task 1: Killed", "a rank was killed (srun: error: node2: task 1"),
        ("srun: error: n1: tasks 0,2-3: Bus error", "a rank was killed (srun: error: n1: tasks"),
        (
            "srun: error: n2: task 1: Segmentation fault (core dumped)\n"
            "srun: error: n1: task 0: Aborted (core dumped)",
            "a rank was killed (srun: error: n2: task 1: Segmentation fault (core dumped))",
        ),
        ("srun: error: n1: task 0: Aborted (core dumped)", "a rank was killed (srun"),
        (
            "error: rank 1 on n2: no GPU\n"
            "slurmstepd-n1: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-01-01 ***\n"
            "srun: error: n1: task 0: Killed",
            "rank 1 on n2: no GPU",
        ),
        (
            "error: rank 0 on n1: rank 1 on n2 was lost in mid-run: it failed\n"
            "error: rank 2 on n3: ended by SIGTERM\nsrun: error: n2: task 1: Killed",
            "a rank was killed (srun: error: n2: task 1",
        ),
        ("error: rank 1 on n2 was lost in mid-run", "1 on n2 was lost in mid-run"),
        ("error: rank 1 on n2: no GPU\nerror: rank 0 on n1: rank 1 was lost", "1 on n2: no GPU"),
        ("Traceback\n  ...\nKeyError: 'x'", "KeyError: 'x'"),
        ("", "nothing says why"),
    ],
)
def test_an_early_end_is_explained_by_who_knows(stderr: str, message: str) -> None:
    for code in (143, None):
        found = verdict(without("run_stop").replace("trigpoint: exit code 0", ""), code, stderr)
        assert message in str(found)


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("TIMEOUT", "the time limit was hit"),
        ("DEADLINE", "the time limit was hit"),
        ("CANCELLED", "the job was cancelled"),
        ("REVOKED", "the job was cancelled"),
        ("PREEMPTED", "the job was preempted"),
        ("NODE_FAIL", "a node was lost"),
        ("BOOT_FAIL", "a node was lost"),
        ("OUT_OF_MEMORY", "the job ran out of memory"),
        ("SOMETHING_NEW", "nothing says why"),
    ],
)
def test_a_state_that_is_no_ordinary_end_is_red_although_all_else_is_well(
    state: str, meaning: str
) -> None:
    # Slurm gives exit code 0 to a job that was over its time limit.
    found = verdict(lines(GOOD), state=state)
    assert found == f"scheduler: the job ended as {state}: {meaning}"


@pytest.mark.parametrize(
    "words",
    [
        "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0",
        "srun: error: node2: task 1: Killed",
        "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO TIME LIMIT ***",
    ],
)
def test_the_scheduler_s_words_are_red_although_all_else_is_well(words: str) -> None:
    found = verdict(lines(GOOD), stderr=words)
    assert found is not None
    assert found.startswith("scheduler: ")
    assert words in found


@pytest.mark.parametrize(
    "words",
    [
        "Allocator (GPU_0_bfc) ran out of memory trying to allocate 2GiB. This is not a failure",
        "reading /data/out-of-memory-tests/walltime was exceeded",
    ],
)
def test_the_same_words_of_a_stage_are_not_the_scheduler_s(words: str) -> None:
    assert verdict(lines(GOOD), stderr=words) is None
    found = verdict(lines(GOOD), 2, f"{words}\nerror: there is no folder /data/x")
    assert found == "input: exit code 2: there is no folder /data/x"


@pytest.mark.parametrize(
    "change", [{"value": float("nan")}, {"unit": ""}, {"better": "x"}, {"comparison": "x"}]
)
def test_a_metric_that_need_not_be_there_is_judged_where_it_is(change: dict[str, Any]) -> None:
    value = change.pop("value", 1.0)
    usual = {"unit": "J", "better": "lower", "comparison": "relative"}
    metadata = {"kind": "metric", **usual, **change}
    energy = {"key": "energy_joules", "value": value, "metadata": metadata}
    assert "energy_joules" in str(verdict(lines([energy, *GOOD])))


def test_an_exit_code_comes_before_the_state_that_is_its_cause() -> None:
    assert verdict("", 1, state="TIMEOUT") == "scheduler: exit code 1: the time limit was hit"


@pytest.mark.parametrize("state", ["", "COMPLETED", "FAILED", "SUCCESS", "FAILURE"])
def test_the_state_of_an_ordinary_end_says_nothing(state: str) -> None:
    assert verdict(lines(GOOD), state=state) is None


def test_a_job_that_reframe_gave_up_says_so() -> None:
    found = verdict("", None, state="CANCELLED", cancelled_here=True)
    assert "in the queue for longer than max_pending_time" in str(found)
    # It ran, and had an end of its own before ReFrame lost patience.
    found = verdict("", None, state="OUT_OF_MEMORY", cancelled_here=True)
    assert found == "scheduler: the job ended as OUT_OF_MEMORY: the job ran out of memory"


@pytest.mark.parametrize(
    ("state", "cancelled_here", "why"),
    [
        ("CANCELLED", False, "the job was cancelled"),
        ("CANCELLED", True, "ReFrame cancelled the job, which was in the queue for longer than"),
        ("DEADLINE", False, "the time limit was hit"),
        ("COMPLETED", False, "nothing says why"),
    ],
)
def test_a_job_that_never_started_is_told_from_one_that_ran_and_failed(
    state: str, cancelled_here: bool, why: str
) -> None:
    given = {"state": state, "cancelled_here": cancelled_here}
    found = verdict("", None, started=False, **given)
    assert str(found).startswith(f"not scheduled: the job never started: {why}")
    assert str(verdict("", None, **given)).startswith("scheduler: ")


def test_the_scheduler_s_own_words_are_told_with_their_meaning() -> None:
    words = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO TIME LIMIT ***"
    found = verdict("", 143, f"warming up\n  {words}\nbye")
    assert found == f"scheduler: exit code 143: the time limit was hit ({words})"


@pytest.mark.parametrize(
    ("stdout", "exit_code", "stderr", "kind"),
    [
        (lines(GOOD), 2, "error: no such folder", "input"),
        (lines(GOOD), 15, "srun: error: n1: task 0: Exited with exit code 2", "input"),
        (lines(GOOD), 15, "srun: error: n1: task 0: Exited with exit code 1", "run"),
        (
            lines(GOOD),
            15,
            "srun: error: n2: task 1: Exited with exit code 1\n"
            "srun: error: n1: task 0: Exited with exit code 2",
            "run",
        ),
        (lines(GOOD), 2, "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 ***", "scheduler"),
        (lines(GOOD), 1, "error: the loss is not a number", "run"),
        (lines(GOOD), 137, "slurmstepd: error: oom_kill event in step 7.0", "scheduler"),
        ("", None, "", "scheduler"),
        (without("throughput"), 0, "", "judgement"),
        (changed("throughput", value="fast"), 0, "", "run"),
        (changed("validation_accuracy", value=0.5), 0, "", "judgement"),
        (without("run_stop"), 0, "", "run"),
        (without("run_stop"), 0, "slurmstepd: error: oom_kill event in step 7.0", "scheduler"),
    ],
)
def test_a_complaint_says_whose_failure_it_is(
    stdout: str, exit_code: int | None, stderr: str, kind: str
) -> None:
    found = complaint(Evidence(exit_code, stdout, stderr), EXPECTED)
    assert found is not None
    assert found.kind == kind


def test_a_defective_gpu_comes_before_what_follows_from_it() -> None:
    gpu = {"uuid": "GPU-1", "node": "n1", "xid_events": [79]}
    health = {"key": "gpu_health", "value": [gpu], "metadata": {"kind": "provenance"}}
    found = complaint(Evidence(1, lines([*GOOD, health]), "error: CUDA failed"), EXPECTED)
    assert found is not None
    assert found.kind == "hardware"
    assert "GPU-1" in found.text


def test_a_gpu_that_another_rank_lost_is_named_though_no_record_came_of_it() -> None:
    said = 'trigpoint: gpu_health [{"uuid": "GPU-2", "node": "n2", "lost": "GPU is lost"}]'
    found = complaint(Evidence(None, "", f"{said}\n", state="TIMEOUT"), EXPECTED)
    assert found is not None
    assert (found.kind, "GPU-2" in found.text) == ("hardware", True)


@pytest.mark.parametrize(
    ("stderr", "why"),
    [
        ("1: error: no GPU on n2\nbye", "no GPU on n2"),
        ("error: rank 1 on n2 was lost in mid-run\nbye", "rank 1 on n2 was lost in mid-run"),
        ("warming up\nbye", "the loss is NaN"),
    ],
)
def test_what_a_rank_says_comes_before_the_closing_record_and_any_other_line(
    stderr: str, why: str
) -> None:
    stdout = changed("run_stop", status="failed", reason="the loss is NaN")
    assert verdict(stdout, 1, stderr) == f"run: exit code 1: {why}"


def test_records_that_were_cut_short_follow_from_the_end_of_the_job() -> None:
    cut = lines(GOOD) + ':::MLLOG {"key": "thro'
    assert verdict(cut, 1, "error: no GPU") == "run: exit code 1: no GPU"


def test_the_verdict_is_one_line_without_the_column_separator() -> None:
    found = verdict(changed("run_stop", status="failed", reason="a|b\nc"))
    assert found == "run: the run ended with status failed: a/b c"


def test_ranks_in_front_of_a_record_and_other_lines_do_not_matter() -> None:
    text = lines(GOOD).replace(":::MLLOG", "0: :::MLLOG")
    assert verdict(text) is None


def test_directions_name_every_metric_once_without_a_separator() -> None:
    said = "throughput=higher:relative validation_accuracy=higher:absolute"
    assert parse(lines(GOOD)).directions() == said


@pytest.mark.parametrize("drop", ["unit", "better", "comparison"])
def test_a_metric_without_unit_direction_or_comparison_cannot_be_read(drop: str) -> None:
    broken: Callable[[dict[str, Any]], dict[str, Any]] = lambda record: {  # noqa: E731
        **record,
        "metadata": {key: value for key, value in record["metadata"].items() if key != drop},
    }
    with pytest.raises(RecordsError, match=f"line 2: a record without '{drop}'"):
        parse(lines([broken(GOOD[1])]))

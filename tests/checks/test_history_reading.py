"""The history is read from what ReFrame itself writes, in all its formats, alone and mixed."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from fake_checkout import FAKE_CHECK, Checkout
from polars.testing import assert_frame_equal

from perflogs.history import FIGURES, RUNS, SOUND, History
from perflogs.reading.header import read_header
from perflogs.reading.history import read_history
from perflogs.reading.places import find_logs
from perflogs.series import series_of

OURS = {"RFM_CONFIG_PATH": "systems"}
#: ReFrame's own handlers, with its database.
DEFAULT_WITH_DATABASE = """
site_configuration = {"storage": [{"enable": True}]}
"""
FAILING = {"exit_code": 1, "stderr": "error: the disk is full"}
#: What a source may know, or not.
OF_SESSIONS = {"session", "workdir", "configuration", "source", "run", "command", "hashcode"}
COMPILED_CHECK = """
import reframe as rfm
import reframe.core.builtins as builtins


@rfm.simple_test
class Compiled(rfm.CompileOnlyRegressionTest):
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    build_system = "CustomBuild"
    sourcesdir = None

    @builtins.run_before("compile")
    def build(self):
        self.build_system.commands = ["true"]

    @builtins.sanity_function
    def sound(self):
        return True

    @builtins.performance_function("s")
    def first_seconds(self):
        return 1.5

    @builtins.performance_function("s")
    def second_seconds(self):
        return 2.5
"""
FAILING_EARLY = """

@rfm.simple_test
class FakeEvaluate(FakeTrain):
    @run_after("init")
    def need(self):
        self.depends_on(self.unique_name.replace("FakeEvaluate", "FakeTrain"))


@rfm.simple_test
class FakeRefused(FakeTrain):
    @run_before("setup")
    def refuse(self):
        raise ValueError("no | such\\nthing")
"""
FIXTURE = """

class Data(rfm.RunOnlyRegressionTest):
    executable = "true"
    valid_systems = ["*"]
    valid_prog_environs = ["*"]

    @sanity_function
    def sound(self):
        return True
"""
USE = """
    drawn = fixture(Data)
"""


def logs_of(checkout: Checkout) -> Path:
    """Its performance logs."""
    return checkout.folder / "perflogs"


def database_of(checkout: Checkout) -> Path:
    """Its results database."""
    return checkout.home / ".reframe/reports/results.db"


def reports_of(checkout: Checkout) -> Path:
    """The folder of its run reports."""
    return checkout.home / ".reframe/reports"


def run_in_the_default_format(checkout: Checkout, *options: str, **fake: object) -> None:
    """A session with ReFrame's own performance log, and with its database."""
    path = checkout.write("default_settings.py", DEFAULT_WITH_DATABASE)
    checkout.reframe("-r", *options, fake=dict(fake), RFM_CONFIG_FILES=str(path))


def require_schemas(history: History) -> None:
    """A history has the columns that all others rely on, and no null text."""
    assert history.runs.schema == RUNS
    assert history.figures.schema == FIGURES
    texts = history.runs.select(pl.col(pl.String))
    assert not sum(texts.null_count().row(0))
    assert history.runs["run"].to_list() == [*range(history.runs.height)]


def figures_of(history: History) -> pl.DataFrame:
    """All figures with their case, sorted."""
    named = history.figures.join(history.runs.select("run", "name", "jobid", "key"), on="run")
    return named.drop("run").with_columns(pl.col(pl.Categorical).cast(pl.String)).sort(pl.all())


def require_same(histories: Sequence[History], other_than: set[str] = OF_SESSIONS) -> None:
    """The same runs and figures stand in all of them."""
    first, *others = histories
    columns = [name for name in RUNS if name not in other_than]
    for other in others:
        for each in (first, other):
            require_schemas(each)

        assert_frame_equal(
            first.runs.select(columns).sort(pl.all()), other.runs.select(columns).sort(pl.all())
        )
        assert_frame_equal(figures_of(first), figures_of(other))


@pytest.fixture
def three_sessions(checkout: Checkout) -> Checkout:
    """Two nights, and a failure between them."""
    nightly = ("--session-extras", "campaign=nightly")
    checkout.reframe("-r", *nightly, **OURS)
    checkout.reframe("-r", *nightly, fake=FAILING, **OURS)
    checkout.reframe("-r", *nightly, fake={"metrics": {"throughput": {"value": 900.5}}}, **OURS)
    return checkout


def test_our_log_the_database_and_the_reports_say_the_same(three_sessions: Checkout) -> None:
    alone = [
        read_history([source])
        for source in (
            logs_of(three_sessions),
            database_of(three_sessions),
            reports_of(three_sessions),
        )
    ]
    require_same(alone)
    assert alone[0].runs["result"].to_list() == ["pass", "fail", "pass"]
    assert alone[0].runs["campaign"].to_list() == ["nightly"] * 3
    [throughput] = [one for one in series_of(alone[0]) if one.metric == "throughput"]
    assert throughput.values.tolist() == [1000.0, 900.5]
    assert (throughput.better, throughput.comparison) == ("higher", "relative")
    assert throughput.key["preset"] == "smoke"
    assert throughput.key["seed"] == "1"


def test_no_run_is_counted_twice_where_sources_are_mixed(three_sessions: Checkout) -> None:
    sources = [logs_of(three_sessions), database_of(three_sessions), reports_of(three_sessions)]
    mixed = [read_history(sources), read_history(sources[::-1]), read_history(sources * 2)]
    require_same([read_history(sources[:1]), *mixed])
    for history in mixed:
        assert all(history.runs["session"])
        assert not history.unreadable
        assert all(history.runs["workdir"] == str(three_sessions.folder))


def test_the_default_format_says_the_same_as_the_database(checkout: Checkout) -> None:
    run_in_the_default_format(checkout)
    run_in_the_default_format(checkout, metrics={"throughput": {"value": 900.5}})
    run_in_the_default_format(checkout, metrics={"validation_accuracy": {"value": 0.5}})
    [log] = find_logs(logs_of(checkout))
    assert "throughput_value" in read_header(log.read_text().splitlines()[0]).names
    histories = [read_history([logs_of(checkout)]), read_history([database_of(checkout)])]
    # The default format does not say where a run failed.
    require_same(histories, OF_SESSIONS | {"fail_phase"})
    assert histories[0].runs["result"].to_list() == ["pass", "pass", "fail"]
    assert histories[0].runs.filter(SOUND).height == 2
    require_same([histories[1], read_history([logs_of(checkout), database_of(checkout)])])


def test_a_missed_reference_is_sound_also_in_the_default_format(checkout: Checkout) -> None:
    text = """
    @run_before("performance")
    def demand(self):
        self.reference = {"*": {"throughput": (2000, -0.1, None, "images/s")}}
"""
    checkout.write("checks/fake.py", FAKE_CHECK + text)
    run_in_the_default_format(checkout)
    history = read_history([logs_of(checkout)])
    assert history.runs.select("result", "fail_phase").rows() == [("fail", "performance")]
    row = history.figures.filter(pl.col("metric") == "throughput").row(0, named=True)
    assert (row["reference"], row["lower"], row["upper"]) == (2000.0, -0.1, None)


@pytest.mark.parametrize("is_default", [True, False])
def test_logs_put_aside_for_other_columns_belong_to_the_history(
    checkout: Checkout, is_default: bool
) -> None:
    variables = {} if is_default else OURS
    for number in range(3):
        if is_default:
            more = "".join(f'"metric{each}", ' for each in range(number))
            text = FAKE_CHECK.replace('"loss_step100")', f'"loss_step100", {more})')
            checkout.write("checks/fake.py", text)
        elif number:
            path = checkout.folder / "systems/settings.py"
            missing = ("check_jit", "check_mig_profile")[number - 1]
            path.write_text(path.read_text().replace(f'    "{missing}",\n', ""))

        made = {f"metric{each}": {"value": 1.0 + each} for each in range(number)}
        checkout.reframe("-r", fake={"metrics": made} if is_default else {}, **variables)

    names = [path.name for path in find_logs(logs_of(checkout))]
    assert names == ["FakeTrain.log.h0", "FakeTrain.log.h1", "FakeTrain.log"]
    history = read_history([logs_of(checkout)])
    assert history.runs["result"].to_list() == ["pass"] * 3
    assert history.figures.height == (3 + 4 + 5 if is_default else 9)
    assert not history.unreadable
    require_same([history, read_history([reports_of(checkout)])])


def test_cases_that_left_no_job_are_in_the_history_once(checkout: Checkout) -> None:
    checkout.write("checks/fake.py", FAKE_CHECK + FAILING_EARLY)
    checkout.reframe("-r", "--max-retries=1", fake=FAILING, **OURS)
    report = read_history([reports_of(checkout)])
    outcomes = report.runs.select("check", "result", "fail_phase").sort(pl.all()).rows()
    assert outcomes == [
        *[("FakeEvaluate", "fail_deps", "")] * 2,
        *[("FakeRefused", "fail", "setup")] * 2,
        *[("FakeTrain", "fail", "sanity")] * 2,
    ]
    assert all(report.runs["fail_reason"])
    mixed = read_history([logs_of(checkout), database_of(checkout), reports_of(checkout)])
    assert mixed.runs.select("check", "result", "fail_phase").sort(pl.all()).rows() == outcomes
    assert not mixed.unreadable


def test_reruns_are_runs_of_their_own(checkout: Checkout) -> None:
    checkout.reframe("-r", "--reruns=2", **OURS)
    histories = [read_history([logs_of(checkout)]), read_history([database_of(checkout)])]
    require_same(histories)
    assert histories[0].runs.height == 3


@pytest.mark.parametrize("is_default", [True, False])
def test_what_only_compiles_is_counted_once(checkout: Checkout, is_default: bool) -> None:
    checkout.write("checks/fake.py", COMPILED_CHECK)
    for _ in range(2):
        if is_default:
            run_in_the_default_format(checkout, "--reruns=1")
        else:
            checkout.reframe("-r", "--reruns=1", **OURS)

    log = read_history([logs_of(checkout)])
    assert log.runs.height == 4
    assert log.figures.height == 8
    mixed = read_history([logs_of(checkout), database_of(checkout)])
    assert mixed.runs.height == 4
    assert mixed.figures.height == 8
    assert mixed.runs["session"].n_unique() == 2
    assert_frame_equal(mixed.runs.select("time", "night"), log.runs.select("time", "night"))


def test_a_dry_run_is_no_run(checkout: Checkout) -> None:
    run_in_the_default_format(checkout)
    run_in_the_default_format(checkout, "--dry-run")
    history = read_history([logs_of(checkout), database_of(checkout), reports_of(checkout)])
    assert history.runs.height == 1


def test_a_fixture_is_known_as_one_from_every_source(checkout: Checkout) -> None:
    checkout.write("checks/fake.py", FAKE_CHECK.replace("\n\n@rfm", f"{FIXTURE}\n\n@rfm", 1) + USE)
    checkout.reframe("-r", **OURS)
    histories = [read_history([logs_of(checkout)]), read_history([database_of(checkout)])]
    require_same(histories)
    kinds = histories[0].runs.select("check", "fixture").sort("check").rows()
    assert kinds == [("Data", True), ("FakeTrain", False)]


def test_a_log_reads_up_to_its_last_whole_line_wherever_it_is_cut(
    checkout: Checkout, tmp_path: Path
) -> None:
    run_in_the_default_format(checkout)
    run_in_the_default_format(checkout)
    [log] = find_logs(logs_of(checkout))
    content = log.read_bytes()
    cut = tmp_path / log.name
    ends = [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    assert len(ends) == 3
    # At every byte of it: tests/unit/test_history_reading_cut.py.
    for at in sorted({ends[0] + 1, ends[1] - 1, ends[1], ends[1] + 1, ends[2] - 1, ends[2]}):
        cut.write_bytes(content[:at])
        whole = sum(end <= at for end in ends) - 1
        if not whole:
            continue

        history = read_history([cut])
        assert history.runs.height == whole
        assert history.unfinished == ([] if at in ends else [cut])
        assert not history.unreadable


def test_what_was_read_is_not_read_again(three_sessions: Checkout, tmp_path: Path) -> None:
    sources = [logs_of(three_sessions), database_of(three_sessions), reports_of(three_sessions)]
    index = tmp_path / "index"
    first = read_history(sources, index)
    require_same([read_history(sources), first, read_history(sources, index)])
    three_sessions.reframe("-r", **OURS)
    later = read_history(sources, index)
    require_same([read_history(sources), later])
    assert later.runs.height == 4
    shutil.rmtree(index)
    require_same([later, read_history(sources, index)])

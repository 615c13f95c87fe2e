"""What the history keeps of a run beside its figures is the suite's word, and is in every row."""

import json
import re
import shlex
from pathlib import Path

import pytest
from fake_checkout import ROOT, Checkout
from fake_systems import configuration, local_partition, system

from checks.base import session
from checks.base.provenance import FILLED_BY_THE_SUITE, PROVENANCE
from systems.settings import PERFLOG_COLUMNS

SETTINGS = {"RFM_CONFIG_PATH": "systems"}
ADDED = (
    "campaign",
    "session_command",
    "partition_num_nodes",
    "reference_case",
    "failure_reason",
    "kernel_version",
    "firmware_version",
    "scheduler_version",
    "image_commit",
)
# A check that tells, once all checks are loaded, what each of them is keyed by.
TELLER = """
import json
import os
from pathlib import Path

import reframe as rfm
import reframe.core.builtins as builtins
from checks.base.workload_check import WorkloadCheck
from checks.base.workload_stage import WorkloadStage


def all_below(each):
    return [each, *(found for below in each.__subclasses__() for found in all_below(below))]


@rfm.simple_test
class Teller(WorkloadCheck):
    workload = "fake"
    stage = "train"

    @builtins.run_before("setup")
    def tell(self):
        told = {
            each.__name__: [*getattr(each, "reference_keys", ()), *each.param_space.params]
            for each in all_below(WorkloadStage)
        }
        Path(os.environ["TOLD"]).write_text(json.dumps(told))
"""


@pytest.mark.parametrize(
    ("words", "campaign"),
    [
        ([], "ad hoc"),
        (["--session-extras", "campaign=nightly"], "nightly"),
        (["--session-extras=campaign=upgrade"], "upgrade"),
        (["--session-extras", "a=b,campaign=nightly"], "nightly"),
        (["--session-extras", "a=campaign=upgrade"], "ad hoc"),
        (["--session-extras", "campaign=ad hoc", "--session-extras", "a=b"], "ad hoc"),
        (
            ["--session-extras", "campaign=nightly", "--session-extras", "campaign=upgrade"],
            "upgrade",
        ),
        (["--session-e", "campaign=acceptance", "-r", "-S", "campaign=nightly"], "acceptance"),
    ],
)
def test_the_campaign_is_read_as_reframe_reads_the_extras(words: list[str], campaign: str) -> None:
    session.validate(words)
    assert session.campaign(words) == campaign


@pytest.mark.parametrize(
    ("extras", "complaint"),
    [
        ("campaign=nigthly", "campaign=nigthly: one of nightly, ad hoc, upgrade, acceptance"),
        ("campaign=", "campaign=: one of nightly"),
        ("campaign=Nightly", "campaign=Nightly: one of nightly"),
        ("campaign=published", "campaign=published: one of nightly"),
        ("campaign", "NAME=VALUE is expected, not 'campaign'"),
        ("a=b,", "NAME=VALUE is expected, not ''"),
    ],
)
def test_extras_that_say_nothing_end_the_session_before_anything_runs(
    checkout: Checkout, extras: str, complaint: str
) -> None:
    outcome = checkout.reframe("-r", "--session-extras", extras, **SETTINGS)
    assert outcome.code == 1
    [error] = [line for line in outcome.text.splitlines() if "error: " in line]
    assert complaint in error
    assert not (checkout.folder / "stage").exists()
    assert not (checkout.folder / "perflogs").exists()


def test_a_run_says_what_it_was_for_and_how_it_was_started(checkout: Checkout) -> None:
    words = ("--session-extras", "a=b,campaign=nightly", "-n", "Fake|Other", "-J", "name=it's\nme")
    provenance = {"kernel_version": "6.1", "firmware_version": "BIOS 2; VBIOS 9|7"}
    outcome = checkout.reframe("-r", *words, fake={"provenance": provenance}, **SETTINGS)
    assert outcome.code == 0, outcome.text
    [case] = checkout.report()["runs"][0]["testcases"]
    for row in (*checkout.perflog(), {**case, "partition_num_nodes": "1"}):
        assert row["campaign"] == "nightly"
        command = shlex.split(row["session_command"])
        assert Path(command[0]).name == "reframe"
        assert [*command[-7:]] == ["-r", *words[:3], "Fake/Other", "-J", "name=it's me"]
        assert row["partition_num_nodes"] == "1"
        assert (row["kernel_version"], row["firmware_version"]) == ("6.1", "BIOS 2; VBIOS 9/7")
        assert row["scheduler_version"] == ""
    assert checkout.report()["session_info"]["campaign"] == "nightly"


def test_the_last_column_is_when_the_row_was_written_in_the_notation_of_the_others(
    checkout: Checkout,
) -> None:
    assert checkout.reframe("-r", TZ="UTC", **SETTINGS).code == 0
    assert [*checkout.perflog()[0]][-1] == PERFLOG_COLUMNS[-1] == "asctime"
    for row in checkout.perflog():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", row["asctime"])


def test_the_case_is_all_that_references_are_keyed_by_with_its_types(checkout: Checkout) -> None:
    part = {**local_partition("p"), "extras": {"scratch": "/scratch", "num_nodes": 5}}
    checkout.write("systems/s.py", configuration(system("s", part)))
    options = ("-r", "--system", "s", "-n", "%cpu_nodes=1%", "-S", "stage_to_scratch=1")
    fake = {"provenance": {"staged": True}}
    outcome = checkout.reframe(*options, "-P", "preset=tiny", fake=fake, **SETTINGS)
    assert outcome.code == 0, outcome.text
    for row in checkout.perflog(place="s/p"):
        assert row["partition_num_nodes"] == "5"
        case = json.loads(row["reference_case"])
        assert [*case] == sorted(case)
        assert case == {
            "container": "none",
            "cpu_nodes": 1,
            "num_gpus": 0,
            "preset": "tiny",
            "process_per": "node",
            "stage_to_scratch": True,
            "storage": "local",
        }
        assert case["stage_to_scratch"] is True


@pytest.mark.parametrize("option", ["-S", "-P"])
def test_what_the_suite_says_of_a_run_cannot_be_given_by_hand(
    checkout: Checkout, option: str
) -> None:
    names = [*PROVENANCE, *FILLED_BY_THE_SUITE]
    assert {*ADDED} <= {*names}
    given = [word for name in names for word in (option, f"{name}=7")]
    outcome = checkout.reframe("-r", "-n", "FakeTrain", *given, **SETTINGS)
    assert outcome.code == 0, outcome.text
    for row in checkout.perflog():
        assert not [name for name in names if row[name] == "7"]
        assert row["campaign"] == "ad hoc"
        for name in ("image_digest", "nodes", "failure_class", "failure_reason"):
            assert row[name] == ""


def test_all_that_a_case_is_keyed_by_is_a_column(checkout: Checkout) -> None:
    for path in (ROOT / "checks").glob("[!_]*.py"):
        checkout.write(f"checks/{path.name}", path.read_text())
        (checkout.folder / "workloads" / path.stem).mkdir(exist_ok=True)

    checkout.write("checks/teller.py", TELLER)
    told = checkout.home / "told.json"
    outcome = checkout.reframe("--dry-run", "-n", "Teller", TOLD=str(told), **SETTINGS)
    assert outcome.code == 0, outcome.text
    columns = {column.removeprefix("check_") for column in PERFLOG_COLUMNS}
    keys = json.loads(told.read_text())
    assert {"SkylineExtract", "SlstrConvert", "AllReduce", "SlstrSynthesis"} <= keys.keys()
    missing = {name: {*each} - columns for name, each in keys.items() if {*each} - columns}
    assert missing == {}


def test_what_the_suite_fills_is_a_column_in_its_order() -> None:
    columns = [column.removeprefix("check_") for column in PERFLOG_COLUMNS]
    assert {*PROVENANCE, *FILLED_BY_THE_SUITE} <= {*columns}
    start = columns.index("image_digest") + 1
    assert columns[start:] == [*ADDED, "asctime"]
    assert len({*columns}) == len(columns)

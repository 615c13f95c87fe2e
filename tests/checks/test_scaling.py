"""Scaling efficiency is against the same case on one device in the same session, or absent."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from perflogs.scaling import scaling_efficiency
from perflogs.session import Session, read_report
from perflogs.session_page import print_session


def case(
    throughput: float | None, gpus: int = 0, nodes: int = 0, preset: str = "nightly", **more: Any
) -> dict[str, Any]:
    """One test case of a run report."""
    name = f"Train %num_gpus={gpus} %cpu_nodes={nodes} %preset={preset}"
    figures = {} if throughput is None else {"s:p:throughput": [throughput, 0, 0, 0, "images/s"]}
    return {
        "name": name,
        "display_name": name,
        "unique_name": f"{gpus}-{nodes}",
        "hashcode": "0",
        "system": "s",
        "partition": "p",
        "environ": "e",
        "result": "pass",
        "fail_phase": None,
        "fail_reason": None,
        "run_index": 0,
        "job_submit_time": None,
        "job_completion_time_unix": None,
        "fixture": False,
        "dependencies_actual": [],
        "perfvalues": figures,
        **more,
    }


def session_of(folder: Path, *cases: dict[str, Any]) -> Session:
    """The session whose run report holds these cases."""
    info = {"cmdline": "reframe", "workdir": "/", "prefix_output": "/output", "uuid": "0"}
    info["config_files"] = []  # type: ignore[assignment]
    path = folder / "report.json"
    path.write_text(json.dumps({"session_info": info, "runs": [{"testcases": list(cases)}]}))
    return read_report(path)


def efficiencies(folder: Path, *cases: dict[str, Any]) -> list[float | None]:
    """The scaling efficiency of each case."""
    session = session_of(folder, *cases)
    return [scaling_efficiency(session, each) for each in session.cases]


def test_gpus_are_compared_with_one_gpu(tmp_path: Path) -> None:
    found = efficiencies(tmp_path, case(100, gpus=1), case(180, gpus=2), case(320, gpus=4))
    assert found == [None, pytest.approx(0.9), pytest.approx(0.8)]


def test_nodes_without_gpus_are_compared_with_one_node(tmp_path: Path) -> None:
    found = efficiencies(tmp_path, case(150, nodes=2), case(100, nodes=1))
    assert found == [pytest.approx(0.75), None]


@pytest.mark.parametrize(
    "alone",
    [
        case(100, gpus=1, preset="smoke"),
        case(100, gpus=1, partition="q"),
        case(100, gpus=1, result="fail"),
        case(100, gpus=1, run_index=1),
        case(100, nodes=1),
        case(None, gpus=1),
        case(None, gpus=1, perfvalues={"s:p:throughput": [100, 0, 0, 0, "rows/s"]}),
        case(100, gpus=1, display_name="Train %.nid=node2"),
        case(100, gpus=1, name="Evaluate %num_gpus=1 %cpu_nodes=0 %preset=nightly"),
    ],
)
def test_another_case_or_one_that_did_not_pass_is_no_baseline(
    tmp_path: Path, alone: dict[str, Any]
) -> None:
    assert efficiencies(tmp_path, alone, case(180, gpus=2)) == [None, None]


def test_a_case_that_did_not_pass_has_no_efficiency(tmp_path: Path) -> None:
    failed = case(180, gpus=2, result="fail")
    assert efficiencies(tmp_path, case(100, gpus=1), failed) == [None, None]


def test_a_case_without_throughput_or_size_has_no_efficiency(tmp_path: Path) -> None:
    bare = case(100, name="Foreign", display_name="Foreign")
    assert efficiencies(tmp_path, case(100, gpus=1), case(None, gpus=2), bare) == [None] * 3


@pytest.mark.parametrize("several", [True, False])
def test_the_page_has_a_column_for_it_only_when_there_is_any(tmp_path: Path, several: bool) -> None:
    cases = [case(100, gpus=1), *([case(180, gpus=2)] if several else [])]
    console = Console(width=120, record=True, file=(tmp_path / "page").open("w"))
    print_session(session_of(tmp_path, *cases), console)
    page = console.export_text()
    assert ("scaling" in page) == several
    assert ("90%" in page) == several

"""The cluster of these tests leaves nothing behind, and its absence is never passed over in CI."""

import os
from pathlib import Path

import cluster_session
import pytest
from cluster_session import require_cluster
from slurm_cluster import SlurmCluster


@pytest.mark.parametrize("lacking", ["root", "programs"])
def test_what_is_missing_is_the_reason_to_skip(
    monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.delenv("TRIGPOINT_REQUIRE_CLUSTER", raising=False)
    reason = _take_away(monkeypatch, lacking)
    with pytest.raises(pytest.skip.Exception, match=reason):
        require_cluster()


@pytest.mark.parametrize("lacking", ["root", "programs"])
def test_where_a_cluster_is_required_what_is_missing_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.setenv("TRIGPOINT_REQUIRE_CLUSTER", "1")
    reason = _take_away(monkeypatch, lacking)
    with pytest.raises(pytest.fail.Exception, match=reason):
        require_cluster()


def test_a_cluster_that_does_not_start_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_cluster()
    broken = SlurmCluster.at(tmp_path, 17100, 2, accounting=True)
    start = broken.start_node

    def refuse_the_second(node: str) -> None:
        assert node == "node1", "the second node does not start"
        start(node)

    monkeypatch.setattr(broken, "start_node", refuse_the_second)
    with pytest.raises(RuntimeError, match="the second node does not start"):
        broken.start()

    assert not broken.processes()
    assert not broken.database.exists()


def _take_away(monkeypatch: pytest.MonkeyPatch, lacking: str) -> str:
    if lacking == "root":
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        return "needs root"

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(cluster_session, "missing_programs", lambda: ["slurmctld"])
    return "not installed: .*slurmctld"

"""The process group, from each launcher's environment."""

import json
import signal

import pytest

from workloads.common.command_line import run_stage
from workloads.common.errors import UnusableInput
from workloads.common.group.process_group import FIRST_PORT, PORTS, place, process_group


def slurm(rank, **changes):
    environment = {
        "SLURM_JOB_ID": "7",
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": "5",
        "SLURM_STEP_NODELIST": "node[08-10]",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2),1",
        "SLURM_PROCID": str(rank),
        "SLURMD_NODENAME": ["node08", "node08", "node09", "node09", "node10"][rank],
    }
    return environment | changes


def test_no_launcher_is_one_process():
    group = process_group({"PATH": "/bin"})
    assert (group.rank, group.processes, group.local_ranks) == (0, 1, [0])


def test_a_batch_script_without_srun_is_one_process_whatever_was_allocated():
    assert process_group({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}).processes == 1


def test_slurm_tasks_get_their_nodes_in_block_order_and_a_port_each():
    groups = [process_group(slurm(rank)) for rank in range(5)]
    assert len({group.addresses for group in groups}) == 1
    hosts = [address.split(":")[0] for address in groups[0].addresses]
    assert hosts == ["node08", "node08", "node09", "node09", "node10"]
    assert len(set(groups[0].addresses)) == 5
    assert [group.rank for group in groups] == list(range(5))
    assert groups[3].local_ranks == [2, 3]


def test_ports_are_drawn_per_job_below_the_ephemeral_range():
    ports = set()
    for job in range(50):
        address = process_group(slurm(0, SLURM_JOB_ID=str(job))).addresses[0]
        ports.add(int(address.split(":")[1]))
    assert len(ports) > 45
    assert min(ports) >= FIRST_PORT
    assert max(ports) + 32 < FIRST_PORT + PORTS + 32 < 32768


def test_slurm_in_cyclic_order_is_refused():
    with pytest.raises(UnusableInput, match="distribution=block"):
        process_group(slurm(1, SLURMD_NODENAME="node09"))


@pytest.mark.parametrize(
    "changes",
    [
        {"SLURM_PROCID": "-1"},
        {"SLURM_PROCID": "5"},
        {"SLURM_STEP_NODELIST": "node[08-"},
        {"SLURM_STEP_NODELIST": "node08,node09,z..y"},
        {"SLURM_STEP_NODELIST": "@group"},
    ],
)
@pytest.mark.parametrize("told", ["with", "without"])
def test_a_slurm_step_that_cannot_be_is_refused(changes, told):
    environment = slurm(0, **changes)
    if told == "without":
        del environment["SLURMD_NODENAME"]
    with pytest.raises(UnusableInput, match="Slurm step is incomplete or wrong"):
        process_group(environment)


@pytest.mark.parametrize("tasks", ["2", "two"])
def test_an_incomplete_slurm_step_is_refused(tasks):
    with pytest.raises(UnusableInput, match="Slurm step is incomplete"):
        process_group({"SLURM_STEP_NUM_TASKS": tasks})


def test_tf_config_is_taken_as_it_is():
    addresses = ["a:1", "a:2", "b:1"]
    text = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 2}})
    group = process_group({"TF_CONFIG": text} | slurm(0))
    assert group.addresses == tuple(addresses)
    assert (group.rank, group.local_ranks) == (2, [2])
    assert json.loads(group.tf_config) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": "ab"}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b:99999"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:0", "b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "a..b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b\\n:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": -1}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": Infinity}}',
    ],
)
def test_a_wrong_tf_config_is_refused(text):
    with pytest.raises(UnusableInput, match="TF_CONFIG"):
        process_group({"TF_CONFIG": text})


@pytest.mark.parametrize("role", ["chief", "ps", "evaluator"])
def test_a_cluster_with_other_roles_than_workers_is_refused(role):
    cluster = {role: ["a:1"], "worker": ["b:1"]}
    text = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
    with pytest.raises(UnusableInput, match=f"TF_CONFIG names '{role}': .*worker"):
        process_group({"TF_CONFIG": text})


@pytest.mark.parametrize("content", [b"n1\na..b\n", b"n1\n\xff\n"])
def test_a_node_file_that_names_no_hosts_is_refused(tmp_path, content):
    (tmp_path / "nodes").write_bytes(content)
    environment = {"PBS_NODEFILE": str(tmp_path / "nodes"), "PMI_RANK": "0", "PMI_SIZE": "2"}
    with pytest.raises(UnusableInput, match="PBS_NODEFILE"):
        process_group(environment)


@pytest.mark.parametrize("launcher", ["OMPI_COMM_WORLD_", "PMI_"])
@pytest.mark.parametrize(("processes", "host"), [(4, "n2"), (2, "n2")])
def test_pbs_nodes_serve_one_process_per_slot_or_per_node(tmp_path, launcher, processes, host):
    node_file = tmp_path / "nodes"
    node_file.write_text("n1\nn1\nn2\nn2\n")
    environment = {
        "PBS_NODEFILE": str(node_file),
        "PBS_JOBID": "3.server",
        f"{launcher}RANK": str(processes - 1),
        f"{launcher}SIZE": str(processes),
    }
    group = process_group(environment)
    assert group.processes == processes
    assert group.addresses[-1].startswith(f"{host}:")
    assert len(set(group.addresses)) == processes


def test_pbs_with_another_number_of_processes_is_refused(tmp_path):
    (tmp_path / "nodes").write_text("n1\nn1\nn2\nn2\n")
    environment = {"PBS_NODEFILE": str(tmp_path / "nodes"), "PMI_RANK": "0", "PMI_SIZE": "3"}
    with pytest.raises(UnusableInput, match="one per slot or one per node"):
        process_group(environment)


def test_mpi_processes_without_a_scheduler_are_refused():
    with pytest.raises(UnusableInput, match="set TF_CONFIG"):
        process_group({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"})


@pytest.mark.parametrize(
    "environment",
    [
        {"OMPI_COMM_WORLD_RANK": "two", "OMPI_COMM_WORLD_SIZE": "4"},
        {"PMI_RANK": "4", "PMI_SIZE": "4"},
        {"PMI_RANK": "0", "PMI_SIZE": "2", "PBS_NODEFILE": "/nowhere"},
    ],
)
def test_a_wrong_environment_of_an_mpi_launcher_is_refused(environment):
    with pytest.raises(UnusableInput):
        process_group(environment)


def test_names_of_nodes_may_stand_for_one_machine_so_that_every_rank_has_a_port_of_its_own():
    ports = [address.split(":")[1] for address in process_group(slurm(0)).addresses]
    assert len(set(ports)) == 5


def test_groups_of_different_steps_know_themselves_apart():
    first, second = process_group(slurm(0)), process_group(slurm(0, SLURM_STEP_ID="1"))
    assert first.job != second.job


def test_an_error_names_rank_and_node_in_a_group_only():
    assert place(slurm(2)) == "rank 2 on node09: "
    assert place({"PATH": "/bin"}) == ""


@pytest.mark.parametrize("broken", [{"TF_CONFIG": "{"}, {"SLURM_STEP_NUM_TASKS": "two"}])
def test_a_broken_environment_does_not_hide_the_error(monkeypatch, capsys, broken):
    for name, value in broken.items():
        monkeypatch.setenv(name, value)

    def stage():
        raise UnusableInput("the real error")

    assert run_stage(stage, debug=False) == 2
    assert capsys.readouterr().err == "error: the real error\n"


def test_the_error_of_a_stage_in_a_group_names_rank_and_node(monkeypatch, capsys):
    for name, value in slurm(3).items():
        monkeypatch.setenv(name, value)

    def stage():
        raise FileNotFoundError(2, "no", "/data/set")

    assert run_stage(stage, debug=False) == 2
    error = capsys.readouterr().err
    assert error == "error: rank 3 on node09: no such file or folder (/data/set): check the path\n"


def test_sigterm_is_as_before_when_a_stage_has_ended():
    before = signal.getsignal(signal.SIGTERM)
    assert run_stage(lambda: None, debug=False) == 0
    assert signal.getsignal(signal.SIGTERM) == before

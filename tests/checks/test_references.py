"""References are found by every key that changes a figure; a file that is unclear is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fake_checkout import FAKE_CHECK, ROOT, Checkout
from ruamel.yaml import YAML

from checks.base.references import FOLDER, Reference, ReferencesError, Wanted, find

CASE = {"preset": "smoke", "num_gpus": 0, "container": "none", "jit": False}
ENTRY = """
default:
  Train:
    - case: {preset: smoke, num_gpus: 0, container: none, jit: [false, true]}
      source: three nights of June
      runs: 3
      references:
        throughput: {value: 1000, lower: -0.1, upper: null, unit: images/s}
"""


def wanted(**changes: Any) -> Wanted:
    """A case of check Train, with some of its keys changed."""
    metrics = ("throughput", "accuracy")
    case, values = {**CASE, **changes}, {"preset": ("smoke", "nightly")}
    return Wanted(
        "default", "Train", case, metrics, ["default", "other"], ["Train", "Absent"], values
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A reference file with one good entry."""
    target = tmp_path / "site.yaml"
    target.write_text(ENTRY)
    return target


@pytest.mark.parametrize("jit", [False, True])
def test_the_entry_of_a_case_is_found(path: Path, jit: bool) -> None:
    assert find(path, wanted(jit=jit)) == {"throughput": Reference(1000, -0.1, None, "images/s")}


@pytest.mark.parametrize("change", [{"preset": "tiny"}, {"num_gpus": 1}, {"container": "docker"}])
def test_another_case_has_no_reference(path: Path, change: dict[str, Any]) -> None:
    assert find(path, wanted(**change)) == {}


def test_no_file_no_partition_or_no_check_is_no_reference(path: Path) -> None:
    assert find(path.with_name("absent.yaml"), wanted()) == {}
    assert find(path, wanted()._replace(partition="other")) == {}
    assert find(path, wanted()._replace(check="Evaluate")) == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("num_gpus: 0, ", "", "entry 1: case: num_gpus missing"),
        ("num_gpus: 0", "gpus: 0, num_gpus: 0", "entry 1: case: unknown gpus"),
        ("      runs: 3\n", "", "entry 1: runs missing"),
        ("runs: 3", "runs: 0", "entry 1: runs: a number of runs is expected, not 0"),
        ("three nights of June", "''", "entry 1: source: a text is expected"),
        ("runs: 3", "runs: 3\n      night: yes", "entry 1: unknown night"),
        ("throughput:", "thruput:", "entry 1: references: Train has no metric"),
        ("value: 1000", "value: fast", "throughput: value: a number is expected, not 'fast'"),
        ("value: 1000", "value: .nan", "throughput: value: a number is expected, not nan"),
        ("lower: -0.1", "lower: 0.1", "throughput: lower: a fraction in -1..0 or null"),
        ("upper: null", "upper: -0.1", "throughput: upper: a fraction in 0..inf or null"),
        ("lower: -0.1", "lower: null", "throughput: a reference without a bound judges nothing"),
        (", unit: images/s", "", "throughput: unit missing"),
        ("unit: images/s", "unit: 1", "throughput: unit: a text is expected, not 1"),
        ("  Train:\n", "  Train:\n    - 7\n", "Train: entry 1: a mapping is expected, not 7"),
        ("  Train:\n    - case", "  Train:\n      case", "a list of entries is expected"),
        ("  Train:", "  Trian:", "default: no such check: Trian"),
        ("preset: smoke", "preset: smok", "case: preset: no such value ['smok']; there are"),
        ("preset: smoke", "preset: []", "case: preset: an empty list matches no case"),
        ("num_gpus: 0", "num_gpus: '0'", "num_gpus: a value of type int is expected, not '0'"),
        ("num_gpus: 0", "num_gpus: false", "num_gpus: a value of type int is expected, not False"),
        ("container: none", "container: 7", "container: a value of type str is expected, not 7"),
        ("container: none", "container: null", "container: a value of type str is expected"),
        ("jit: [false, true]", "jit: 0", "jit: a value of type bool is expected, not 0"),
        ("jit: [false, true]", "jit: [no, 'yes']", "jit: a value of type bool is expected, not"),
        ("default:", "defualt:", "defualt: no such partition; there are ['default', 'other']"),
        ("lower: -0.1", "lower: -0.1, lower: -0.2", 'duplicate key "lower"'),
        ("default:", "default: [", "while parsing"),
        (ENTRY, "- 1\n", "a mapping is expected, not [1]"),
    ],
)
def test_an_unclear_file_is_refused_with_its_name_and_the_field(
    path: Path, old: str, new: str, message: str
) -> None:
    assert old in ENTRY
    path.write_text(ENTRY.replace(old, new, 1))
    with pytest.raises(ReferencesError) as refused:
        find(path, wanted())
    assert str(path) in str(refused.value)
    assert message in str(refused.value)


def test_two_entries_for_one_case_are_refused(path: Path) -> None:
    entry = ENTRY.split("  Train:\n", 1)[1]
    path.write_text(ENTRY + entry.replace("[false, true]", "false"))
    with pytest.raises(ReferencesError, match="2 entries match"):
        find(path, wanted())
    assert find(path, wanted(jit=True))


def test_a_malformed_file_stops_a_case_before_it_runs(checkout: Checkout) -> None:
    checkout.write("systems/references/generic.yaml", "default:\n  FakeTrain:\n    - case: {}\n")
    outcome = checkout.reframe("-r")
    assert outcome.code == 1
    assert "generic.yaml: default: FakeTrain: entry 1: references, runs, source" in outcome.text
    assert not list(checkout.folder.rglob("rfm_job.out"))


# The keys of the fake check, in place of the skyline's.
FAKE_KEYS = "cpu_nodes: 1, process_per: node, storage: local, stage_to_scratch: false"


@pytest.mark.parametrize(("value", "code"), [(1000, 0), (1300, 1)])
def test_a_figure_outside_its_reference_is_red(checkout: Checkout, value: int, code: int) -> None:
    # ReFrame looks no further than an exact partition: metrics without a reference must be named
    # as well, or they would have none of the explicit "no bound".
    entry = ENTRY.replace("Train:", "FakeTrain:").replace("value: 1000", f"value: {value}")
    entry = entry.replace("jit: [false, true]", FAKE_KEYS)
    checkout.write("systems/references/generic.yaml", entry)
    outcome = checkout.reframe("-r")
    assert outcome.code == code, outcome.text
    [case] = checkout.report()["runs"][0]["testcases"]
    assert case["perfvalues"] == {
        "generic:default:throughput": [
            1000.0,
            value,
            -0.1,
            None,
            "images/s",
            "fail" if code else "pass",
        ],
        "generic:default:validation_accuracy": [0.95, 0, None, None, "1", "pass"],
        "generic:default:loss_step100": [0.25, 0, None, None, "1", "pass"],
    }


@pytest.mark.parametrize(
    ("key", "value"), [("storage", "locl"), ("process_per", "nod"), ("container", "dokcer")]
)
def test_a_mistyped_case_is_refused_before_it_runs(
    checkout: Checkout, key: str, value: str
) -> None:
    entry = ENTRY.replace("Train:", "FakeTrain:").replace("jit: [false, true]", FAKE_KEYS)
    old = {"storage": "local", "process_per": "node", "container": "none"}[key]
    entry = entry.replace(f"{key}: {old}", f"{key}: {value}")
    checkout.write("systems/references/generic.yaml", entry)
    outcome = checkout.reframe("-r")
    assert outcome.code == 1
    assert f"entry 1: case: {key}: no such value ['{value}']; there are" in outcome.text
    assert not list(checkout.folder.rglob("rfm_job.out"))


@pytest.mark.parametrize(
    ("reported", "value", "message"),
    [
        (True, None, ""),
        (False, None, ""),
        (True, 0.25, ""),
        (True, 0.5, "loss_step100=0.25"),
        (False, 0.25, "the metric loss_step100 is missing from the records"),
    ],
)
def test_an_optional_metric_is_judged_where_it_is_there_and_must_be_where_it_is_compared(
    checkout: Checkout, reported: bool, value: float | None, message: str
) -> None:
    optional = FAKE_CHECK.replace(
        ', "loss_step100")', ')\n    optional_metrics = ("loss_step100",)'
    )
    checkout.write("checks/fake.py", optional)
    if value is not None:
        entry = ENTRY.replace("Train:", "FakeTrain:").replace("jit: [false, true]", FAKE_KEYS)
        entry = entry.replace("throughput: {value: 1000", f"loss_step100: {{value: {value}")
        entry = entry.replace("images/s", '"1"')
        checkout.write("systems/references/generic.yaml", entry)

    fake = {} if reported else {"metrics": {"loss_step100": None}}
    outcome = checkout.reframe("-r", fake=fake)
    assert outcome.code == (1 if message else 0), outcome.text
    assert message in outcome.text
    [case] = checkout.report()["runs"][0]["testcases"]
    if not message:
        assert ("generic:default:loss_step100" in case["perfvalues"]) == reported


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("preset: smoke", "preset: smok", "preset: no such value ['smok']"),
        ("process_per: node", "process_per: nod", "process_per: no such value ['nod']"),
        ("FakeTrain:", "FakeTrian:", "no such check: FakeTrian"),
        ("FakeTrain:", "FakeAgain:", ""),
    ],
)
def test_a_file_may_name_every_check_and_value_that_there_is_and_no_other(
    checkout: Checkout, old: str, new: str, message: str
) -> None:
    known = '    known_values = {"process_per": ("node",)}\n'
    again = "\n\n@rfm.simple_test\nclass FakeAgain(FakeTrain):\n    pass\n"
    checkout.write("checks/fake.py", FAKE_CHECK + known + again)
    entry = ENTRY.replace("Train:", "FakeTrain:").replace("jit: [false, true]", FAKE_KEYS)
    checkout.write("systems/references/generic.yaml", entry.replace(old, new))
    outcome = checkout.reframe("--dry-run")
    assert outcome.code == (1 if message else 0), outcome.text
    assert message in outcome.text


def test_a_reference_in_another_unit_is_red(checkout: Checkout) -> None:
    entry = ENTRY.replace("Train:", "FakeTrain:").replace("images/s", "images/min")
    entry = entry.replace("jit: [false, true]", FAKE_KEYS)
    checkout.write("systems/references/generic.yaml", entry)
    outcome = checkout.reframe("-r")
    assert outcome.code == 1
    assert "throughput is in images/s, its reference in images/min" in outcome.text


SKYLINE = {
    "preset": "published",
    "num_gpus": 1,
    "cpu_nodes": 0,
    "process_per": "node",
    "storage": "ssd",
    "stage_to_scratch": False,
    "dataset": "given",
    "container": "singularity",
    "pipeline": "files",
    "model": "original",
    "precision": "float32",
    "prefetch_to_device": True,
    "jit": False,
    "engine": "tensorflow",
    "epochs": 5,
}


def test_the_published_figures_are_references_of_the_published_run_alone() -> None:
    metric = "mean_train_images_per_second"
    checks = ["SkylineTrain", "SkylineEvaluate"]
    case = Wanted("gpu", "SkylineTrain", SKYLINE, (metric,), ["gpu"], checks)
    found = find(FOLDER / "sodalite.yaml", case)
    assert found == {metric: Reference(23879.6, -0.2, None, "images/s")}
    network = case._replace(case={**SKYLINE, "storage": "network"})
    assert find(FOLDER / "sodalite.yaml", network)[metric].value == 2270.0
    synthetic = case._replace(case={**SKYLINE, "dataset": "synthetic"})
    assert find(FOLDER / "sodalite.yaml", synthetic) == {}
    nightly = case._replace(case={**SKYLINE, "preset": "nightly"})
    assert find(FOLDER / "sodalite.yaml", nightly) == {}


def test_what_only_some_machines_measure_may_have_references(checkout: Checkout) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    here = {"preset": "smoke", "num_gpus": 0, "cpu_nodes": 1, "storage": "local", "epochs": 0}
    case = {**SKYLINE, **here, "container": "none", "dataset": "synthetic"}
    metrics = (
        "peak_device_memory_bytes",
        "staging_seconds",
        "energy_joules",
        "joules_per_image",
        "gpu_utilisation",
        "host_energy_joules",
        "model_flop_utilisation",
    )
    bounds = {"value": 1, "lower": -0.1, "upper": None, "unit": "1"}
    entry = {"case": case, "source": "a night", "runs": 1}
    entry["references"] = dict.fromkeys(metrics, bounds)
    text = json.dumps({"default": {"SkylineTrain": [entry]}})
    checkout.write("systems/references/generic.yaml", text)
    outcome = checkout.reframe("--dry-run", "-n", "SkylineTrain")
    assert outcome.code == 0, outcome.text


def test_shipped_reference_files_name_checks_that_exist() -> None:
    # A misspelt check would have no references, and nothing would ever say so.
    source = "".join(path.read_text() for path in (ROOT / "checks").glob("*.py"))
    for path in sorted(FOLDER.glob("*.yaml")):
        for checks in YAML(typ="safe", pure=True).load(path).values():
            for check in checks:
                assert f"class {check}(" in source, f"{path.name}: {check}"

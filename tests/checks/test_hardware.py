"""Defects of GPUs turn a case red, and name the GPU and its node; what is no defect does not."""

import json
from typing import Any

import pytest

from checks.base.hardware import complaints, complaints_in

SOUND = {
    "node": "node7",
    "uuid": "GPU-1",
    "uncorrected_ecc_errors_gained": 0,
    "xid_events": [],
    "pending_row_remap": True,
    "throttle_shares": {"hw_thermal_slowdown": 0.9},
    "nvlink_errors_gained": {"replay": 3},
}


def found(*gpus: Any) -> list[str]:
    """The complaints about these GPUs."""
    return list(complaints({"gpu_health": list(gpus)}))


def test_sound_gpus_pass_and_so_does_a_machine_without() -> None:
    assert found(SOUND, {"node": "node7", "uuid": "GPU-2"}) == []
    assert list(complaints({"device_name": "a processor"})) == []


@pytest.mark.parametrize(
    ("defect", "message"),
    [
        ({"uncorrected_ecc_errors_gained": 1}, "gained 1 uncorrected ECC error"),
        ({"uncorrected_ecc_errors_gained": 12}, "gained 12 uncorrected ECC errors"),
        ({"xid_events": [79, 79]}, "had Xid 79"),
        ({"xid_events": [31, 48]}, "had Xid 48"),
        ({"lost": "GPU is lost"}, "was lost: GPU is lost"),
    ],
)
def test_a_defect_is_named_with_gpu_and_node(defect: dict[str, Any], message: str) -> None:
    assert found({"node": "node6", "uuid": "GPU-0"}, SOUND | defect) == [
        f"GPU GPU-1 of node node7 {message}"
    ]


@pytest.mark.parametrize("xid", [13, 31, 45])
def test_an_xid_that_applications_cause_is_no_defect(xid: int) -> None:
    assert found(SOUND | {"xid_events": [xid]}) == []


def test_every_defect_of_every_gpu_is_told() -> None:
    bad = {"lost": "GPU is lost", "xid_events": [48, 79], "uncorrected_ecc_errors_gained": 2}
    assert len(found(SOUND | bad, SOUND | bad | {"node": "node8"})) == 8


@pytest.mark.parametrize(
    "health",
    [
        None,
        "sound",
        {"uuid": "GPU-1"},
        ["sound"],
        [None],
        [{"uuid": "GPU-1"}],
        [{"node": "node7"}],
        [SOUND | {"uuid": 1}],
        [SOUND | {"node": ""}],
        [SOUND | {"lost": True}],
        [SOUND | {"uncorrected_ecc_errors_gained": -1}],
        [SOUND | {"uncorrected_ecc_errors_gained": "2"}],
        [SOUND | {"uncorrected_ecc_errors_gained": True}],
        [SOUND | {"uncorrected_ecc_errors_gained": None}],
        [SOUND | {"xid_events": 79}],
        [SOUND | {"xid_events": ["79"]}],
        [SOUND | {"xid_events": None}],
    ],
)
def test_what_cannot_be_judged_is_a_complaint(health: Any) -> None:
    [complaint] = complaints({"gpu_health": health})
    assert complaint.startswith("gpu_health ")


def test_a_malformed_gpu_does_not_hide_the_next() -> None:
    assert len(found({}, SOUND | {"xid_events": [79]})) == 2


def test_the_last_words_of_any_rank_on_standard_error_are_judged() -> None:
    lost = json.dumps([SOUND | {"lost": "GPU is lost"}])
    text = f"Traceback\n 3: trigpoint: gpu_health {lost}\ntrigpoint: gpu_health [SOUND\nerror: x\n"
    assert list(complaints_in(text)) == [
        "GPU GPU-1 of node node7 was lost: GPU is lost",
        "gpu_health on standard error is cut short or garbled: [SOUND",
    ]
    assert list(complaints_in(f"trigpoint: gpu_health {json.dumps([SOUND])}\n")) == []
    assert list(complaints_in("error: out of memory\n")) == []

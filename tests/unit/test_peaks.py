"""Peaks are those of exactly the device that the driver names, in the precision asked for."""

import argparse

import pytest

from workloads.common.peaks import PEAKS, peak_tflops, tflops

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("Tesla V100-SXM3-32GB", (15.7, 125.0, None)),
        ("Tesla V100-SXM2-16GB", (15.7, 125.0, None)),
        ("Tesla V100-PCIE-32GB", (14.0, 112.0, None)),
        ("Tesla P100-PCIE-16GB", (9.3, 18.7, None)),
        ("Tesla T4", (8.1, 65.0, None)),
        ("NVIDIA A100-SXM4-80GB", (156.0, 312.0, 312.0)),
        ("A100-SXM4-40GB", (156.0, 312.0, 312.0)),
        ("NVIDIA A100 80GB PCIe", (156.0, 312.0, 312.0)),
        ("NVIDIA A30", (82.0, 165.0, 165.0)),
        ("NVIDIA A40", (74.8, 149.7, 149.7)),
        ("NVIDIA H100 80GB HBM3", (494.7, 989.4, 989.4)),
        ("NVIDIA H100 PCIe", (378.0, 756.5, 756.5)),
        ("NVIDIA H200", (494.7, 989.4, 989.4)),
        ("NVIDIA GH200 480GB", (494.7, 989.4, 989.4)),
        ("NVIDIA B200", (1100.0, 2250.0, 2250.0)),
        ("NVIDIA L40S", (183.0, 362.05, 362.05)),
        ("NVIDIA RTX 6000 Ada Generation", (182.1, 364.2, 364.2)),
        ("AMD Instinct MI210", (45.3, 181.0, 181.0)),
        ("AMD Instinct MI250X", (47.9, 191.5, 191.5)),
        ("AMD Instinct MI300X", (163.4, 1307.4, 1307.4)),
        ("GeForce GTX 1080 Ti", (11.3, None, None)),
        ("NVIDIA GeForce GTX 1080 Ti", (11.3, None, None)),
    ],
)
def test_a_device_has_the_peaks_of_its_data_sheet(name, figures):
    assert tuple(peak_tflops(name, policy) for policy in POLICIES) == figures


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA A100-SXM4-40GB MIG 3g.20gb",
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "NVIDIA H100",
        "NVIDIA A100-SXM-64GB",
        "GRID A100X-40C",
        "Tesla V100-SXM2-32GB-LS",
        "NVIDIA L40",
        "Quadro RTX 6000",
        "NVIDIA GeForce GTX 1080",
        "Intel(R) Xeon(R) Platinum 8358 CPU @ 2.60GHz",
        "unknown GPU",
        "",
    ],
)
def test_what_is_not_exactly_known_has_no_peak(name):
    assert peak_tflops(name, "float32") is None


def test_no_peak_is_of_another_precision():
    assert peak_tflops("NVIDIA A30", "float64") is None


def test_every_peak_names_its_source_and_grows_as_precision_falls():
    for peak in PEAKS:
        assert peak.source
        for reduced in (peak.float16, peak.bfloat16):
            assert reduced is None or reduced >= peak.float32


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf"])
def test_a_stated_peak_is_a_number_above_0(text):
    assert tflops("125.5") == 125.5
    with pytest.raises(argparse.ArgumentTypeError):
        tflops(text)

"""Peak speeds of the usual GPUs, from their makers' data sheets: what utilisation is relative to.

In TFLOP/s, dense (data sheets since Ampere print the double, "with sparsity", in the same column),
of the units that a convolution runs on: tensor or matrix cores where they take the precision.
`float32` is TF32 from Ampere on, as TensorFlow's convolutions use it there unless told not to. A
precision that the hardware does not speed up is absent. Names are those that the driver reports,
whole: what is not known exactly has no peak, nor has a MIG instance, which is a part of one.
"""

import argparse
import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Peak:
    """Peak TFLOP/s of the devices whose whole name matches `name`, by precision."""

    name: str
    source: str
    float32: float
    float16: float | None = None
    bfloat16: float | None = None

    def of(self, precision: str) -> float | None:
        """The peak of a Keras policy: float32, mixed_float16 or mixed_bfloat16."""
        figures = {
            "float32": self.float32,
            "mixed_float16": self.float16,
            "mixed_bfloat16": self.bfloat16,
        }
        return figures.get(precision)


# A name with more behind it, as "Tesla V100-SXM2-32GB-LS", is another device, of another speed.
PEAKS = (
    Peak(
        r"(NVIDIA )?GeForce GTX 1080 Ti",
        "NVIDIA GeForce GTX 1080 Ti specifications: 3584 cores, 1582 MHz; float16 at 1/64",
        11.3,
    ),
    Peak(r"Tesla P100-SXM2-16GB", "NVIDIA Tesla P100 data sheet, 2016", 10.6, 21.2),
    Peak(r"Tesla P100-PCIE-1[26]GB", "NVIDIA Tesla P100 for PCIe data sheet, 2016", 9.3, 18.7),
    Peak(r"Tesla V100-SXM[23]-(16|32)GB", "NVIDIA V100 data sheet, January 2020", 15.7, 125.0),
    Peak(r"Tesla V100-PCIE-(16|32)GB", "NVIDIA V100 data sheet, January 2020", 14.0, 112.0),
    Peak(r"Tesla V100S-PCIE-32GB", "NVIDIA V100 data sheet, January 2020", 16.4, 130.0),
    Peak(r"(Tesla|NVIDIA) T4", "NVIDIA T4 data sheet, 2019", 8.1, 65.0),
    Peak(
        r"(NVIDIA )?A100-(SXM4|PCIE)-(40|80)GB|NVIDIA A100 80GB PCIe",
        "NVIDIA A100 data sheet, June 2021",
        156.0,
        312.0,
        312.0,
    ),
    Peak(r"NVIDIA A30", "NVIDIA A30 data sheet, 2021", 82.0, 165.0, 165.0),
    Peak(r"NVIDIA A40", "NVIDIA A40 data sheet, 2021", 74.8, 149.7, 149.7),
    Peak(
        r"NVIDIA H100 80GB HBM3",
        "NVIDIA H100 data sheet (SXM), halved: 989 and 1,979 with sparsity",
        494.7,
        989.4,
        989.4,
    ),
    Peak(
        r"NVIDIA H100 PCIe",
        "NVIDIA H100 data sheet (PCIe), halved: 756 and 1,513 with sparsity",
        378.0,
        756.5,
        756.5,
    ),
    Peak(
        r"NVIDIA H100 NVL",
        "NVIDIA H100 data sheet (NVL), halved: 835 and 1,671 with sparsity",
        417.5,
        835.5,
        835.5,
    ),
    Peak(
        r"NVIDIA H200",
        "NVIDIA H200 data sheet (SXM), halved: 989 and 1,979 with sparsity",
        494.7,
        989.4,
        989.4,
    ),
    Peak(
        r"NVIDIA H200 NVL",
        "NVIDIA H200 data sheet (NVL), halved: 835 and 1,671 with sparsity",
        417.5,
        835.5,
        835.5,
    ),
    Peak(
        r"NVIDIA GH200 (480GB|144G HBM3e)",
        "NVIDIA GH200 data sheet, halved: 989 and 1,979 with sparsity",
        494.7,
        989.4,
        989.4,
    ),
    Peak(
        r"NVIDIA B200",
        "NVIDIA HGX B200 data sheet, per GPU, halved: 2,200 and 4,500 with sparsity",
        1100.0,
        2250.0,
        2250.0,
    ),
    Peak(r"NVIDIA L40S", "NVIDIA L40S data sheet, 2023", 183.0, 362.05, 362.05),
    Peak(
        r"NVIDIA RTX 6000 Ada Generation",
        "NVIDIA RTX 6000 Ada data sheet: 1,457 in FP8 with sparsity is 364.2 and 182.1",
        182.1,
        364.2,
        364.2,
    ),
    Peak(r"AMD Instinct MI210", "AMD Instinct MI210 data sheet, matrix", 45.3, 181.0, 181.0),
    Peak(
        r"AMD Instinct MI250X",
        "AMD Instinct MI250X data sheet, matrix, halved: its two dies are two devices",
        47.9,
        191.5,
        191.5,
    ),
    Peak(r"AMD Instinct MI300X", "AMD Instinct MI300X data sheet, matrix", 163.4, 1307.4, 1307.4),
)


def peak_tflops(name: str, precision: str) -> float | None:
    """Peak TFLOP/s of the device that the driver calls `name`; None where it is not known."""
    for peak in PEAKS:
        if re.fullmatch(peak.name, name):
            return peak.of(precision)
    return None


def tflops(text: str) -> float:
    """An argument that is a speed in TFLOP/s: a number above 0."""
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number

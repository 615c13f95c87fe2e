"""Model FLOP utilisation: how much of the devices' peak a model's training makes use of."""

import keras

from workloads.common.devices import Devices
from workloads.common.flops import Shape, training_flops
from workloads.common.peaks import peak_tflops
from workloads.common.records import Recorder


def record_utilisation(
    recorder: Recorder,
    devices: Devices,
    model: keras.Model,
    shape: Shape,
    throughput: float | None,
    precision: str,
    stated_peak: float | None,
) -> None:
    """Record `model_flop_utilisation` of training on `throughput` images of `shape` a second.

    `stated_peak` (TFLOP/s of one GPU) goes before the table of peaks. Nothing is recorded on a CPU,
    on GPUs of several kinds, of a kind whose peak is not known, or of a run without steady state.
    """
    kinds = set(devices.names)
    peak = stated_peak or peak_tflops(devices.names[0], precision)
    if not devices.gpus or throughput is None or peak is None or len(kinds) > 1:
        return
    recorder.provenance(gpu_peak_tflops=peak)
    flops = throughput * training_flops(model, shape)
    recorder.metric("model_flop_utilisation", flops / (peak * 1e12 * devices.gpus))

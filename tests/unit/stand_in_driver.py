"""A stand-in for the libraries of a GPU's driver, which a machine without a GPU lacks."""

import inspect
import types
import uuid

import pynvml


class Library:
    """Answers as pynvml would for GPUs whose answers are scripted: `answers[uuid][function]`.

    An answer is a value, an NVML error's number in a `Fault`, a function of the arguments behind
    the handle, or a list of these, one for each call, the last for all that follow. What is not
    scripted is not supported. The handle of a GPU is its uuid.
    """

    NVMLError = pynvml.NVMLError

    def __init__(self, answers):
        self.answers = answers
        self.calls = []

    def __getattr__(self, name):
        real = getattr(pynvml, name)
        if not inspect.isfunction(real):
            return real

        def function(*arguments):
            inspect.signature(inspect.unwrap(real)).bind(*arguments)
            self.calls.append((name, *arguments))
            return self.answer(name, *arguments)

        return function

    def answer(self, name, *arguments):
        if name == "nvmlEventSetCreate":
            return []
        if name == "nvmlDeviceRegisterEvents":
            handle, _, events = arguments
            events.append(handle)
            return self.scripted(handle, "events")
        if name == "nvmlEventSetWait_v2":
            return types.SimpleNamespace(eventData=self.scripted(arguments[0][0], name))
        if name == "nvmlEventSetFree":
            return arguments[0].clear()
        if name == "nvmlInit":
            return None
        if name == "nvmlDeviceGetCount":
            return len(self.answers)
        if name == "nvmlDeviceGetHandleByIndex":
            return [*self.answers][arguments[0]]
        if name == "nvmlSystemGetDriverVersion":
            return "580.95.05"
        if name == "nvmlDeviceGetHandleByUUID":
            if arguments[0] not in self.answers:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
            return arguments[0]
        return self.scripted(arguments[0], name, *arguments[1:])

    def scripted(self, handle, name, *arguments):
        answer = self.answers[handle].get(name, Fault(pynvml.NVML_ERROR_NOT_SUPPORTED))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(*arguments)
        if isinstance(answer, Fault):
            raise pynvml.NVMLError(answer.number)
        return answer


class Fault:
    """An answer that is one of NVML's errors."""

    def __init__(self, number):
        self.number = number


LOST = Fault(pynvml.NVML_ERROR_GPU_IS_LOST)
NONE_LEFT = Fault(pynvml.NVML_ERROR_TIMEOUT)


class CudaDriver:
    """CUDA's driver with these devices, in its own order; 0 is success, as there."""

    def __init__(self, *identities):
        self.identities = [uuid.UUID(each) for each in identities]

    def cuInit(self, flags):
        return 0 if flags == 0 else 1

    def cuDeviceGet(self, device, ordinal):
        device._obj.value = ordinal
        return 0 if ordinal < len(self.identities) else 101

    def cuDeviceGetUuid_v2(self, content, device):
        content._obj[:] = self.identities[device.value].bytes
        return 0


def sound_gpu(**changes):
    """The answers of a GPU of a data centre at work, in which nothing goes wrong."""
    rates = types.SimpleNamespace(gpu=80, memory=40)
    links = {0: 2, 1: 3}
    return {
        "nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
        "nvmlDeviceGetEnforcedPowerLimit": 700_000,
        "nvmlDeviceGetMigMode": [[0, 0]],
        "nvmlDeviceGetTotalEnergyConsumption": [5_000_000, 5_090_000],
        "nvmlDeviceGetTotalEccErrors": 4,
        "nvmlDeviceGetRemappedRows": (1, 0, 0, 0),
        "nvmlDeviceGetUtilizationRates": rates,
        "nvmlDeviceGetPowerUsage": 300_000,
        "nvmlDeviceGetClockInfo": lambda kind: 1980,
        "nvmlDeviceGetTemperatureV": lambda sensor: 61,
        "nvmlDeviceGetCurrentClocksEventReasons": 0,
        "nvmlDeviceGetCurrPcieLinkGeneration": 5,
        "nvmlDeviceGetCurrPcieLinkWidth": 16,
        "nvmlDeviceGetNvLinkState": lambda link: int(link in links),
        "nvmlDeviceGetNvLinkErrorCounter": lambda link, counter: links[link],
        "nvmlDeviceGetMemoryInfo": types.SimpleNamespace(free=70_000_000_000),
        "nvmlEventSetWait_v2": NONE_LEFT,
        "events": None,
    } | changes

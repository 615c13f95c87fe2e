"""What a run computed on: devices, processes and nodes, as all of its processes know them."""

import json

from workloads.common.devices import Devices
from workloads.common.group.agreement import gather_text
from workloads.common.group.peers import naming_lost_peers
from workloads.common.node_versions import NodeVersions, node_versions, told_by_all
from workloads.common.records import Recorder


def record_computing_devices(recorder: Recorder, asked: int | None, devices: Devices) -> None:
    """Record how many GPUs a run `asked` for (None: all there are), and what it computed on.

    Every process has to call it. Raises RunFailed where one is lost.
    """
    recorder.provenance(
        device_name=devices.names[0],
        gpus_asked=devices.gpus if asked is None else asked,
        gpus_used=devices.gpus,
        replicas=devices.replicas,
        replicas_per_process=devices.replicas // devices.group.processes,
        processes=devices.group.processes,
        process_per=devices.process_per,
        nodes=list(dict.fromkeys(devices.group.nodes)),
    )
    own = node_versions()
    with naming_lost_peers(devices.group):
        texts = gather_text(devices, json.dumps(own))
    recorder.provenance(**told_by_all(NodeVersions(*json.loads(text)) for text in texts))

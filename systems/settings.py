"""ReFrame's configuration: every site file of this folder, and how results are kept.

    RFM_CONFIG_PATH=$PWD/systems reframe -c checks -r

A site file is a module beside this one with a `site_configuration` that holds `systems` and, where
needed, `environments`. ReFrame finds the system by its `hostnames`; a machine that no file names
stays `generic`, which is built into ReFrame."""

import importlib
from pathlib import Path
from typing import Any

from reframe.core.exceptions import ConfigError

from . import _schema

# One line for each metric of each case. The columns are named one by one, so that they stay as
# they are when ReFrame or a check gains a variable; one that a check lacks reads `null`.
PERFLOG_COLUMNS = (
    "check_result",
    "check_job_completion_time",
    "check_name",
    "check_hashcode",
    "check_system",
    "check_partition",
    "check_environ",
    "check_jobid",
    "check_job_nodelist",
    "check_fail_phase",
    "check_failure_class",
    "check_perf_var",
    "check_perf_value",
    "check_perf_unit",
    "check_perf_ref",
    "check_perf_lower_thres",
    "check_perf_upper_thres",
    "check_perf_result",
    "check_metric_directions",
    "check_workload",
    "check_stage",
    "check_preset",
    "check_num_gpus",
    "check_cpu_nodes",
    "check_process_per",
    "check_pipeline",
    "check_storage",
    "check_stage_to_scratch",
    "check_model",
    "check_precision",
    "check_engine",
    "check_prefetch_to_device",
    "check_cache",
    "check_patch_size",
    "check_batch_size",
    "check_jit",
    "check_epochs",
    "check_container",
    "check_dataset",
    "check_split",
    "check_trained_workload",
    "check_seed",
    "check_suite_commit",
    "check_workload_version",
    "check_dataset_digest",
    "check_tensorflow_version",
    "check_keras_version",
    "check_python_version",
    "check_nodes",
    "check_device_name",
    "check_driver_version",
    "check_gpu_uuids",
    "check_mig_profile",
    "check_gpus_used",
    "check_replicas",
    "check_processes",
    "check_precision_used",
    "check_image",
    "check_image_digest",
    "check_campaign",
    "check_session_command",
    "check_partition_num_nodes",
    "check_reference_case",
    "check_failure_reason",
    "check_kernel_version",
    "check_firmware_version",
    "check_scheduler_version",
    "check_image_commit",
    # When the line is written, for what never had a job to be completed.
    "asctime",
)


def gather_sites() -> dict[str, list[Any]]:
    """The sections of all site files, in the order of their names. Raises ConfigError, naming file
    and field, where one cannot be used: a site that is left out would run as `generic`."""
    gathered: dict[str, list[Any]] = {section: [] for section in _schema.SECTIONS}
    files: dict[str, Path] = {}
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        if path.name == Path(__file__).name:
            continue

        configuration = _load(path)
        _schema.validate(configuration, path)
        for system in configuration.get("systems", []):
            _schema.require_one_name(files, system["name"], path)
            files[system["name"]] = path

        for section in _schema.SECTIONS:
            gathered[section] += configuration.get(section, [])

    return {section: entries for section, entries in gathered.items() if entries}


def _load(path: Path) -> Any:
    try:
        module = importlib.import_module(f".{path.stem}", __package__)
    except Exception as error:
        raise ConfigError(f"{path}: {type(error).__name__}: {error}") from error

    return getattr(module, "site_configuration", None)


site_configuration = {
    **gather_sites(),
    "logging": [
        {
            "perflog_multiline": True,
            "handlers": [
                {
                    "type": "file",
                    "level": "debug2",
                    "format": "[%(asctime)s] %(levelname)s: %(check_info)s: %(message)s",
                    "append": False,
                }
            ],
            # This replaces ReFrame's own list of handlers, its performance log included.
            "handlers_perflog": [
                {
                    "type": "filelog",
                    "prefix": "%(check_system)s/%(check_partition)s",
                    "level": "info",
                    "format": "|".join(f"%({column})s" for column in PERFLOG_COLUMNS),
                    "datefmt": "%FT%T%:z",
                    "append": True,
                }
            ],
        }
    ],
    "storage": [{"enable": True}],
}

"""What a node answers, as records: the package `node` makes them there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a MIG device of one; empty where its tool did not say. `arch` is AMD's alone."""

    name: str
    uuid: str
    mig_profile: str
    driver: str
    arch: str = ""


@dataclass(frozen=True)
class Gpus:
    """The GPUs of a node, who listed them, and what went wrong with that."""

    source: str
    found: list[Gpu]
    complaint: str


@dataclass(frozen=True)
class Place:
    """A file or folder as the node sees it; `error` is why it could not be written, `size_bytes`
    is of a file alone."""

    exists: bool
    folder: bool
    readable: bool
    writable: bool
    free_bytes: int
    file_system: str
    error: str
    size_bytes: int = 0


@dataclass(frozen=True)
class Interface:
    """A network interface; the speed in Mbit/s, 0 where it does not say."""

    name: str
    state: str
    speed_mbit: int
    ipv4: str


@dataclass(frozen=True)
class Port:
    """A port of an InfiniBand-like adapter, and its network interfaces."""

    adapter: str
    state: str
    rate: str
    layer: str
    interfaces: list[str]


@dataclass(frozen=True)
class VisibleGpu:
    """A GPU as TensorFlow sees it."""

    name: str
    compute_capability: str


@dataclass(frozen=True)
class TensorFlow:
    """What TensorFlow on the node was built for and what it sees; `error` in place of it all."""

    error: str = ""
    version: str = ""
    build: str = ""
    gpus: list[VisibleGpu] | None = None
    processor_features: list[str] | None = None


@dataclass(frozen=True)
class Runtime:
    """A container runtime on the node's PATH; `error` is why it gives no version."""

    command: str
    version: str
    error: str


@dataclass(frozen=True)
class UserNamespaces:
    """Whether the user may make one, and why not."""

    work: bool
    error: str


@dataclass(frozen=True)
class SubordinateIds:
    """How many further users and groups the user may map, and whether newuidmap is there."""

    users: int
    groups: int
    newuidmap: bool


@dataclass(frozen=True)
class Answer:
    """All that a probe answered; None is a question that failed, and `failed` says why.

    `starts` is, by command, why a container does not start; `mounting` who mounts an image file,
    empty where it is unpacked in `unpacking_folder`."""

    failed: dict[str, str]
    clock: list[list[float]] | None = None
    time_service: str | None = None
    node: str | None = None
    slurm_node: str | None = None
    python: str | None = None
    cpus: int | None = None
    gpus: Gpus | None = None
    places: dict[str, Place] | None = None
    runtimes: list[Runtime] | None = None
    starts: dict[str, str] | None = None
    user_namespaces: UserNamespaces | None = None
    subordinate_ids: SubordinateIds | None = None
    unpacking_folder: str | None = None
    mounting: str | None = None
    launchers: list[str] | None = None
    interfaces: list[Interface] | None = None
    infiniband: list[Port] | None = None
    address: str | None = None
    way_out: bool | None = None
    tensorflow: TensorFlow | None = None

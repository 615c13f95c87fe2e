"""A real Slurm cluster on this machine: munge, slurmctld, a slurmd for each node, and accounts.

Every node has a host name, a list of hosts and a scratch of its own, in namespaces of its own. All
servers listen on 127.0.0.1, end with the process that started them, and keep all their files in one
folder."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import slurm_files
from slurm_files import Shape

PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "mariadb-install-db", "qsub")
SCRATCH_MB = 64


def missing_programs() -> list[str]:
    """What a cluster needs and this machine has not."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [program for program in PROGRAMS if not shutil.which(program, path=path)]


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Returns as soon as `holds()`. Raises TimeoutError, saying `what` was waited for."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s in vain: {what}")

        time.sleep(0.1)


@dataclass
class SlurmCluster:
    """Starts with `start()`, and `stop()` ends all of it, whatever state it is in."""

    shape: Shape
    servers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    database: Path = field(init=False)

    @classmethod
    def at(cls, prefix: Path, base_port: int, nodes: int, accounting: bool) -> "SlurmCluster":
        """A cluster that is not started yet."""
        names = tuple(f"node{number}" for number in range(1, nodes + 1))
        return cls(Shape(prefix, socket.gethostname(), base_port, names, accounting))

    @property
    def environment(self) -> dict[str, str]:
        """What commands need to find this cluster."""
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        return {"SLURM_CONF": str(self.shape.slurm_conf), "PATH": path}

    @property
    def scratch(self) -> Path:
        """The node-local scratch: the same path on every node, another folder on each."""
        return self.shape.prefix / "scratch"

    def start(self) -> None:
        """Starts every server, and returns when all nodes are idle."""
        try:
            self._write_files()
            self._start_munge()
            if self.shape.accounting:
                self._start_accounting()

            self.start_controller()
            for node in self.shape.nodes:
                self.start_node(node)

            wait_until(self.is_idle, "all nodes are idle")
        except BaseException as error:
            self.stop()
            words = self._last_words()
            raise RuntimeError(f"the cluster did not start: {error}\n{words}") from error

    def stop(self) -> None:
        """Ends all jobs and servers, and whatever they left running."""
        if "slurmctld" in self.servers:
            self.command("scancel", "--full", "--user=root", check=False)

        for name in reversed(list(self.servers)):
            self.stop_server(name, signal.SIGTERM)

        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)

        if hasattr(self, "database"):
            shutil.rmtree(self.database, ignore_errors=True)

    def command(self, *command: str, check: bool = True, timeout: float = 60) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")

        return done.stdout

    def is_idle(self) -> bool:
        """Whether no node is down or at work."""
        states = self.command("sinfo", "-h", "-N", "-p", "gpu", "-o", "%t", check=False).split()
        return states == ["idle"] * len(self.shape.nodes)

    def start_controller(self) -> None:
        """Starts slurmctld; it remembers what an earlier one knew."""
        self._serve("slurmctld", "slurmctld", "-D")

    def start_node(self, node: str) -> None:
        """Starts a node with an empty scratch, in namespaces of its own."""
        mounts = [
            f"hostname {node}",
            'mount --bind "$1/hosts" /etc/hosts',
            f'mount -t tmpfs -o size={SCRATCH_MB}m,mode=1777 scratch "$1/scratch"',
            f"exec slurmd -D -N {node}",
        ]
        script = " && ".join(mounts)
        prefix = str(self.shape.prefix)
        self._serve(node, "unshare", "--uts", "--mount", "sh", "-c", script, "sh", prefix)

    def on_node(self, node: str, *command: str) -> str:
        """What a command prints that sees the files of a node."""
        pid = self.servers[node].pid
        done = subprocess.run(
            ["nsenter", "--mount", "--uts", f"--target={pid}", *command],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def stop_server(self, name: str, how: signal.Signals) -> None:
        """Ends one server, by force where it does not go."""
        server = self.servers.pop(name)
        server.send_signal(how)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def lose_node(self, node: str) -> None:
        """A node is gone at once, with everything that runs on it."""
        namespace = Path(f"/proc/{self.servers[node].pid}/ns/mnt").readlink()
        for pid in _pids(lambda process: (process / "ns/mnt").readlink() == namespace):
            os.kill(pid, signal.SIGKILL)

        self.servers.pop(node).wait()

    def processes(self, *words: str, **variables: object) -> list[int]:
        """Processes of this cluster, jobs and servers, whose command line has all these words and
        whose environment has all these variables."""
        wanted = {"SLURM_CONF": self.shape.slurm_conf, **variables}
        marks = {f"{name}={value}".encode() for name, value in wanted.items()}

        def belongs(process: Path) -> bool:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            mine = marks <= set((process / "environ").read_bytes().split(b"\0"))
            return mine and all(word in line for word in words)

        return [pid for pid in _pids(belongs) if pid != os.getpid()]

    def _write_files(self) -> None:
        prefix, shape = self.shape.prefix, self.shape
        spools = [f"spool/{node}" for node in shape.nodes]
        for folder in ("state", "log", "run", "scratch", *spools):
            (prefix / folder).mkdir(parents=True, exist_ok=True)

        key = prefix / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        (prefix / "hosts").write_text(slurm_files.hosts(shape))
        (prefix / "gres.conf").write_text(slurm_files.gres_conf())
        shape.slurm_conf.write_text(slurm_files.slurm_conf(shape))
        (prefix / "slurmdbd.conf").write_text(slurm_files.slurmdbd_conf(shape))
        (prefix / "slurmdbd.conf").chmod(0o600)

    def _start_munge(self) -> None:
        prefix = self.shape.prefix
        self._serve(
            "munged",
            "munged",
            "--foreground",
            "--force",
            f"--socket={self.shape.munge_socket}",
            f"--key-file={prefix}/munge.key",
            f"--pid-file={prefix}/run/munged.pid",
            f"--log-file={prefix}/log/munged.log",
            f"--seed-file={prefix}/run/munge.seed",
        )
        wait_until(self.shape.munge_socket.exists, "munge answers")

    def _start_accounting(self) -> None:
        memory = Path("/dev/shm")
        self.database = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        options = [
            "--no-defaults",
            "--user=root",
            f"--datadir={self.database}/data",
            "--innodb-log-file-size=4M",
            "--innodb-buffer-pool-size=32M",
        ]
        install = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal"]
        self.command(*install, "--skip-test-db")
        self._serve(
            "mariadbd",
            "mariadbd",
            *options,
            f"--socket={self.database}/socket",
            f"--pid-file={self.shape.prefix}/run/mariadbd.pid",
            "--bind-address=127.0.0.1",
            f"--port={self.shape.base_port + 3}",
            "--skip-name-resolve",
            "--innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=0",
        )
        self._wait_for_port(self.shape.base_port + 3, "the database answers")
        self._serve("slurmdbd", "slurmdbd", "-D")
        self._wait_for_port(self.shape.base_port + 2, "slurmdbd answers")
        self.command("sacctmgr", "-i", "-Q", "add", "cluster", "box")

    def _serve(self, name: str, *command: str) -> None:
        with (self.shape.prefix / "log" / f"{name}.out").open("wb") as output:
            # A server is not to outlive the tests, however they end.
            self.servers[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_for_port(self, port: int, what: str) -> None:
        def answers() -> bool:
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        wait_until(answers, what)

    def _last_words(self) -> str:
        logs = sorted((self.shape.prefix / "log").glob("*"))
        return "\n".join(
            f"{log.name}: {line}"
            for log in logs
            for line in log.read_text(errors="replace").splitlines()[-3:]
        )


def _pids(belongs: Callable[[Path], bool]) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if belongs(process):
                found.append(int(process.name))
        except OSError:
            # It has ended, or is the kernel's.
            continue

    return found

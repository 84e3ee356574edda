"""A proxy before Kafka brokers that does harm: it refuses, cuts, stalls, throttles, corrupts and answers itself."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from kafka.protocol.metadata import MetadataRequest, MetadataResponse
from kafka.protocol.producer import ProduceRequest, ProduceResponse
from kafka_sasl import User, authenticate, send_answer


class Proxy:
    """A listener before each broker, that passes on what it gets until it is told otherwise.

    Args:
        ports: Where to listen; 0: at any free port.
    """

    def __init__(self, ports: Sequence[int] = (0,)) -> None:
        self._listeners: list[socket.socket] = []
        self.ports = list(ports)
        self.targets = [0 for _ in ports]
        """The ports of the brokers."""
        self.tls: ssl.SSLContext | None = None
        self.user: User | None = None
        """Who alone may come in."""
        self.stalled: set[str] = set()
        """Which ways are blocked: `requests`, `answers`."""
        self.pace = 0.0
        """Seconds that each chunk takes."""
        self.spoil: list[str] = []
        """In which of the next chunks to change the bytes that say what it is: `requests`, `answers`."""
        self.hidden = b""
        """The topic whose name the broker does not get to see."""
        self.verdict: Callable[[int], int] | None = None
        """Which of Kafka's error codes to answer a batch of so many bytes with; 0: let the broker answer."""
        self.connections = 0
        """How many there were in all."""
        self.logins = 0
        """How many of them had to say who they are."""
        self.throttle = 0
        """For how many milliseconds clients are told to keep quiet after each message, as by a quota."""
        self.topic_error = 0
        """Which of Kafka's error codes is said of each topic that a client asks about; 0: what the broker says."""
        self._open: set[socket.socket] = set()
        self.accept()

    @property
    def servers(self) -> str:
        """Its addresses."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def accept(self) -> None:
        """Listen, at the same ports as before."""
        for number, port in enumerate(self.ports):
            listener = socket.create_server(("127.0.0.1", port), backlog=64)
            self._listeners.append(listener)
            self.ports[number] = listener.getsockname()[1]
            threading.Thread(target=self._serve, args=(listener, number), daemon=True).start()

    def refuse(self) -> None:
        """Stop listening, and cut every connection."""
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut every connection."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket, number: int) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._connect, args=(client, number), daemon=True).start()

    def _connect(self, client: socket.socket, number: int) -> None:
        target = ("127.0.0.1", self.targets[number])
        with suppress(OSError):
            if self.tls is not None:
                client = self.tls.wrap_socket(client, server_side=True)
            self.logins += self.user is not None
            if self.user is not None and not authenticate(client, self.user, target):
                client.close()
                return
            with client, socket.create_connection(target, 5) as broker:
                self._open |= {client, broker}
                try:
                    self._pass(client, broker)
                finally:
                    self._open -= {client, broker}

    def _pass(self, client: socket.socket, broker: socket.socket) -> None:
        ends: dict[socket.socket, tuple[socket.socket, str]] = {
            client: (broker, "requests"),
            broker: (client, "answers"),
        }
        held = b""  # of the requests, what is no whole one yet
        answered = b""  # the same of the answers, while they are changed
        changed: dict[int, tuple[Any, int]] = {}  # of the answers to be changed: type and version, by correlation
        while True:
            waiting = [end for end in ends if ends[end][1] not in self.stalled]
            if isinstance(client, ssl.SSLSocket) and client.pending() and client in waiting:
                ready: list[socket.socket] = [client]
            else:
                ready, _, _ = select.select(waiting, [], [], 0.02)
            for end in ready:
                other, way = ends[end]
                chunk = end.recv(16_384 if self.pace else 262_144)
                if not chunk:
                    return
                if way in self.stalled:  # since the select
                    while way in self.stalled and client in self._open:
                        time.sleep(0.01)
                if self.hidden:
                    chunk = chunk.replace(self.hidden, b"x" * len(self.hidden))
                if self.spoil[:1] == [way]:
                    del self.spoil[0]
                    chunk = chunk[:4] + bytes(byte ^ 0x55 for byte in chunk[4:8]) + chunk[8:]
                if self.pace:
                    time.sleep(self.pace)
                if way == "requests" and (self.verdict is not None or self.throttle or self.topic_error or held):
                    chunk, held = self._judge(held + chunk, client, changed)
                if way == "answers" and (changed or answered):
                    chunk, answered = self._change(answered + chunk, changed)
                other.sendall(chunk)

    def _change(self, data: bytes, changed: dict[int, tuple[Any, int]]) -> tuple[bytes, bytes]:
        """Put throttling and a topic's error into answers. What is to be passed on, and what is no whole answer yet."""
        passed = b""
        while len(data) >= 4 and len(data) >= (end := 4 + struct.unpack(">i", data[:4])[0]):
            frame, data = data[:end], data[end:]
            (correlation,) = struct.unpack(">i", frame[4:8])
            if correlation in changed:
                kind, version = changed.pop(correlation)
                answer = kind.decode(frame, version=version, header=True, framed=True)
                if kind is ProduceResponse:
                    answer.throttle_time_ms = self.throttle
                else:
                    for topic in answer.topics:
                        topic.error_code, topic.partitions = self.topic_error, []
                frame = answer.encode(header=True, framed=True)
            passed += frame
        return passed, data

    def _judge(self, data: bytes, client: socket.socket, changed: dict[int, tuple[Any, int]]) -> tuple[bytes, bytes]:
        """Answer the requests that are to be refused. What is to be passed on, and what is no whole request yet."""
        passed = b""
        while len(data) >= 4 and len(data) >= (end := 4 + struct.unpack(">i", data[:4])[0]):
            frame, data = data[:end], data[end:]
            key, version, correlation = struct.unpack(">hhi", frame[4:12])
            refusal = 0
            if key == ProduceRequest.API_KEY and self.throttle:
                changed[correlation] = (ProduceResponse, version)
            if key == MetadataRequest.API_KEY and self.topic_error:
                changed[correlation] = (MetadataResponse, version)
            if key == ProduceRequest.API_KEY and self.verdict is not None:
                request = ProduceRequest.decode(frame, version=version, header=True, framed=True)
                (topic,) = request.topic_data
                (partition,) = topic.partition_data
                refusal = self.verdict(len(partition.records))
            if refusal:
                refused = ProduceResponse.TopicProduceResponse.PartitionProduceResponse(
                    index=partition.index,
                    error_code=refusal,
                    base_offset=-1,
                    log_append_time_ms=-1,
                    log_start_offset=-1,
                )
                answer = ProduceResponse.TopicProduceResponse(
                    name=topic.name, topic_id=topic.topic_id, partition_responses=[refused]
                )
                send_answer(client, ProduceResponse(version=version, responses=[answer]), correlation)
            else:
                passed += frame
        return passed, data

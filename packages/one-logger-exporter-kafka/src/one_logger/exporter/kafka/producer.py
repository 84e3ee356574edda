"""kafka-python's producer, changed where an exporter needs it. Imports kafka-python."""

from __future__ import annotations

import os
import time
import warnings
from typing import Any

from one_logger.exporter.kafka import quiet

try:
    from kafka import KafkaProducer
except DeprecationWarning:  # if warnings are errors: kafka-python calls functions that are deprecated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from kafka import KafkaProducer

from kafka.errors import (
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.selector import NetworkSelector
from one_logger.exporter.kafka.connections import DIRECT, Connections

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)

REFUSED_PAUSE = 0.1
"""Seconds for which the producer's thread sleeps after a broker has refused it; else it would use a whole core."""

__all__ = ["TOO_LARGE", "InvalidRecordError", "KafkaError", "KafkaTimeoutError", "NotConnectedError", "Producer"]


class NotConnectedError(Exception):
    """There is no connection to the brokers, and the message says why.

    Attributes:
        refused: Whether that is because the brokers don't let the client in. Otherwise they don't answer.
    """

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


class Producer(KafkaProducer):  # type: ignore[misc]  # kafka-python has no types
    """A producer that ends when it is told to, and does nothing to its parent's in a forked child.

    Args:
        config: kafka-python's configuration.

    Raises:
        NotConnectedError: The brokers refuse the client, or do not answer.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._pid = os.getpid()
        self._abandoned = False
        self.client: Client | None = None
        quiet.producer_made()
        try:
            with quiet.quietly():
                super().__init__(**{"proxy_url": DIRECT, **config}, kafka_client=self._make_client)
        except BaseException as error:
            if self.client is None:
                quiet.producer_ended()
                raise
            connections = self.client.connections
            refusal, unreachable = connections.refusal, connections.connectivity
            self.client.close()  # no thread does
            if not isinstance(error, (KafkaError, OSError)):
                raise
            raise NotConnectedError(str(refusal or unreachable or error), refused=refusal is not None) from error
        # A batch that is too large is refused as a whole: who sends it is to learn what the topic takes.
        self._sender._can_split = lambda *_: False
        # Again, for the loggers that connecting has brought in.
        quiet.producer_made()
        quiet.producer_ended()

    @property
    def connections(self) -> Connections:
        """The connections to the brokers."""
        assert self.client is not None  # noqa: S101 - the constructor has made it
        return self.client.connections

    def _make_client(self, **config: Any) -> Client:
        self.client = Client(**config)
        return self.client

    def flush(self, timeout: float | None = None) -> None:
        """Wait for what is in flight, but not if the producer is being ended: `close` would call it without a limit."""
        if not self._abandoned:
            super().flush(timeout)

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:
        """Close, but only in the process that made it, and not at interpreter exit.

        kafka-python closes its producers then, with `null_logger`. The exporter may still have something to deliver,
        and closes its producer itself.
        """
        if os.getpid() == self._pid and not null_logger:
            super().close(timeout=timeout)

    def end(self, timeout: float) -> None:
        """Give up what is in flight and close. Wait so many seconds for the thread, which may live somewhat longer."""
        self._abandoned = True
        with quiet.quietly():
            self.close(timeout)

    def __del__(self) -> None:
        """Do nothing: whoever made it ends it."""


class Client(KafkaNetClient):  # type: ignore[misc]
    """The network side of a producer."""

    of_exporter = True  # for `quiet`

    def __init__(self, **config: Any) -> None:
        net = NetworkSelector(**config)
        self.connections = Connections(net, **config)
        super().__init__(net=net, manager=self.connections)
        self._ended = False

    def maybe_connect(self, node_id: Any, **arguments: Any) -> None:
        """Connect. Catch a refusal, after which the producer's thread would try again at once, for ever."""
        try:
            super().maybe_connect(node_id, **arguments)
        except KafkaError:
            if self.connections.refusal is None:
                raise
            time.sleep(REFUSED_PAUSE)

    def close(self, node_id: Any = None) -> None:
        """Close the connections."""
        super().close(node_id)
        if node_id is None and not self._ended:
            self._ended = True
            quiet.producer_ended()

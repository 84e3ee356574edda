"""kafka-python's producer, with what an exporter needs of it beyond that. Imports kafka-python."""

from __future__ import annotations

import os
import time
import warnings
from typing import Any

from one_logger.exporter.kafka import quiet

try:
    from kafka import KafkaProducer
except DeprecationWarning:  # where warnings are errors: it reads files of its own by functions that are deprecated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from kafka import KafkaProducer

from kafka.errors import (
    AuthorizationError,
    BrokerResponseError,
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
REFUSED = (SaslAuthenticationFailedError, AuthorizationError)

REFUSED_PAUSE = 0.1
"""Seconds that the producer's thread rests after a broker has refused it; it would not rest by itself."""

_DIRECT = "one-logger://direct"
"""In place of a proxy's URL, which is how kafka-python is told what makes its sockets."""

__all__ = [
    "REFUSED",
    "TOO_LARGE",
    "BrokerResponseError",
    "InvalidRecordError",
    "KafkaError",
    "KafkaTimeoutError",
    "Producer",
]


class Producer(KafkaProducer):  # type: ignore[misc]  # kafka-python has no types
    """A producer that ends when it is told to, and leaves its parent's alone in a forked child.

    Args:
        config: kafka-python's configuration.

    Raises:
        KafkaError: No broker answers, or one refuses.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._pid = os.getpid()
        self._abandoned = False
        self.client: Client | None = None
        quiet.producer_made()
        try:
            with quiet.quietly():
                super().__init__(**{"proxy_url": _DIRECT, **config}, kafka_client=self._make_client)
        except BaseException:
            if self.client is not None:
                self.client.close()  # no thread has it
            else:
                quiet.producer_ended()
            raise
        # Loggers that the connection has brought in.
        quiet.producer_made()
        quiet.producer_ended()

    @property
    def refused(self) -> bool:
        """Whether a broker refuses to talk to us, so that nothing will be sent any more."""
        return self.client is not None and self.client.refused is not None

    def _make_client(self, **config: Any) -> Client:
        self.client = Client(**config)
        return self.client

    def flush(self, timeout: float | None = None) -> None:
        """Wait for what is in flight, unless the producer is being ended: `close` begins by this, without a limit."""
        if not self._abandoned:
            super().flush(timeout)

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:
        """Close, in the process that made it.

        With `null_logger`, kafka-python closes its producers at interpreter exit and silences all of them. An exporter
        may have more to deliver then, and closes its producer itself.
        """
        if os.getpid() == self._pid and not null_logger:
            super().close(timeout=timeout)

    def end(self, timeout: float) -> None:
        """Give up what is in flight and close. The thread may live somewhat longer.

        Args:
            timeout: How long to wait for the thread, in seconds.
        """
        self._abandoned = True
        with quiet.quietly():
            self.close(timeout)

    def __del__(self) -> None:
        """Nothing: whoever made it ends it."""


class Client(KafkaNetClient):  # type: ignore[misc]
    """The network side of a producer."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.refused: Exception | None = None
        """Why a broker refuses to talk to us. The producer never gets over that; make a new one."""
        self._ended = False

    def poll(self, timeout_ms: float | None = None, future: Any = None) -> Any:
        """Do what there is to do on the network. This is what the producer's thread spends its time with."""
        quiet.quieten()
        return super().poll(timeout_ms=timeout_ms, future=future)

    def maybe_connect(self, node_id: Any, **arguments: Any) -> None:
        """Connect, or take note of being refused: the producer's thread would run in circles."""
        quiet.quieten()
        try:
            super().maybe_connect(node_id, **arguments)
        except REFUSED as error:
            self.refused = error
            time.sleep(REFUSED_PAUSE)

    def close(self, node_id: Any = None) -> None:
        """Close the connections."""
        super().close(node_id)
        if node_id is None and not self._ended:
            self._ended = True
            quiet.producer_ended()


class _Socket(KafkaNetSocket):  # type: ignore[misc]
    """Connects without a proxy, and closes the socket if that fails. Otherwise the garbage collector has to."""

    SCHEMES = ("one-logger",)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        """Connect."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise

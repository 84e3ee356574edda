"""kafka-python's connections to the brokers, changed so that they know why nothing arrives. Imports kafka-python."""

from __future__ import annotations

import codecs
import time
from functools import partial
from typing import Any

from kafka.errors import (
    AuthorizationError,
    IllegalSaslStateError,
    KafkaConnectionError,
    NoError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
    for_code,
)
from kafka.net.inet import KafkaNetSocket
from kafka.net.manager import KafkaConnectionManager

# Looking up a host name imports this module and two more. A process that is forked while a thread imports could never
# import them, so that is done before there is a thread.
codecs.lookup("idna")

REFUSED = (
    AuthorizationError,
    IllegalSaslStateError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
"""What a broker says to a client that it does not let in."""

DIRECT = "one-logger://direct"
"""Given as the URL of a proxy, since that decides which class kafka-python makes its sockets of."""


class Connections(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python has no types
    """The connections of a producer. They keep what a broker says last against the client or what it sends.

    kafka-python logs some of that, keeps a part, and raises only that time is over.
    """

    def __init__(self, net: Any, **config: Any) -> None:
        super().__init__(net, **config)
        self.unreachable: dict[str, Exception] = {}
        """Why there is no connection to an address, for each to which there is none."""
        self.objection: Exception | None = None
        """What a broker had against the last messages that it answered."""
        self.topic_error: Exception | None = None
        """What the brokers had against the topic when they were asked for it last."""
        self.refusal: Exception | None = None
        """Why a broker does not let this client in. None is asked again then."""

    @property
    def throttled(self) -> float:
        """For how many seconds from now the brokers are to get nothing, because of a quota."""
        until = max((connection._throttle_time for connection in list(self._conns.values())), default=0.0)
        return max(0.0, until - time.monotonic())

    @property
    def reason(self) -> str:
        """Why nothing arrives, as far as it is known, in words that go on after a colon."""
        if throttled := self.throttled:
            return f"a quota of the brokers lets this client send again in {throttled:.1f} seconds"
        if any(connection._reauth.is_reauthenticating for connection in list(self._conns.values())):
            return "the client is proving again who it is, as the brokers ask for from time to time"
        if self.objection is not None:
            return f"the last answer of a broker was {_text(self.objection)}"
        return self.connectivity or "there was no answer"

    @property
    def connectivity(self) -> str:
        """Which brokers can't be reached, and why. Empty if each can be."""
        told: dict[str, str] = {}
        for node in self.cluster.brokers() or self.cluster.bootstrap_brokers():
            connection, error = self._conns.get(node.node_id), self.unreachable.get(_address(node))
            if error is not None:
                told[_address(node)] = _text(error)
            elif connection is not None and connection.initializing:
                told[_address(node)] = "there is no connection so far"
        text = "; ".join(f"{address}: {reason}" for address, reason in told.items())
        if told and told.keys().isdisjoint(map(_address, self.cluster.bootstrap_brokers())):
            given = ", ".join(self.cluster.config["bootstrap_servers"])
            text += f", where the brokers at {given} tell their clients to connect"
        return text

    def maybe_raise_auth_failure(self, node_id: Any) -> None:
        """Raise what any broker has refused this client for: another one would count a further failed login.

        kafka-python means to do that for each broker, but forgets the refusal at once.
        """
        if self.refusal is not None:
            raise self.refusal

    def get_connection(self, node_id: Any, *arguments: Any, **options: Any) -> Any:
        """The connection to a broker, which is begun if there is none."""
        before = self._conns.get(node_id)
        connection = super().get_connection(node_id, *arguments, **options)
        if connection is not before:
            address = _address(self.cluster.broker_metadata(node_id))
            connection.init_future.add_callback(lambda _: self.unreachable.pop(address, None))
            connection.init_future.add_errback(partial(self._lost, address))
            connection.close_future.add_errback(partial(self._lost, address))
        return connection

    def send(self, request: Any, node_id: Any = None, request_timeout_ms: float | None = None) -> Any:
        """Send a request."""
        future = super().send(request, node_id, request_timeout_ms)
        future.add_callback(self._hear)
        return future

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        transport = await super()._build_transport(node, timeout_at=timeout_at)
        receive = transport._sock_recv

        def receive_all() -> tuple[bytes, Exception | None]:
            # kafka-python would drop what comes together with the end of the connection: why a broker refuses. The end
            # is met again when there is nothing before it.
            data, error = receive()
            return data, None if data else error

        transport._sock_recv = receive_all
        return transport

    def _lost(self, address: str, error: Exception) -> None:
        self.unreachable[address] = error
        if isinstance(error, REFUSED) or (isinstance(error, KafkaConnectionError) and "_ALERT_" in str(error).upper()):
            # Over TLS a broker says by an alert that it wants another certificate.
            self.refusal = error

    def _hear(self, response: Any) -> None:
        """Note the errors in an answer to messages, or about the topic."""
        for topic in getattr(response, "responses", None) or ():
            for partition in getattr(topic, "partition_responses", None) or ():
                self.objection = _error(partition.error_code, partition.error_message)
        if getattr(response, "brokers", None):
            self.topic_error = next((_error(topic.error_code) for topic in response.topics), None)


class _Socket(KafkaNetSocket):  # type: ignore[misc]
    """Connects without a proxy. Closes the socket if that fails, which otherwise the garbage collector has to."""

    SCHEMES = ("one-logger",)

    def dns_lookup(self, host: str, port: int, raise_error: bool = True) -> Any:
        """The addresses of a host. An error says why there is none."""
        return super().dns_lookup(host, port, raise_error=True)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        """Connect."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


def _address(node: Any) -> str:
    return f"{node.host}:{node.port}"


def _error(code: int, message: str | None = None) -> Exception | None:
    kind = for_code(code)
    return None if kind is NoError else kind(message or kind.description)


def _text(error: Exception) -> str:
    return str(error).strip().rstrip(".")

"""The broker's side of SASL, as Kafka has it, for a proxy before a broker that knows no users."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
from typing import Any, NamedTuple

from kafka.protocol.sasl import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

AUTHENTICATION_FAILED = 58
"""Kafka's error code SASL_AUTHENTICATION_FAILED."""


class User(NamedTuple):
    """Who may come in.

    Attributes:
        name: The name.
        password: The password.
        lifetime: Milliseconds after which to ask again for both; 0: never.
    """

    name: str
    password: str
    lifetime: int = 0


def authenticate(client: socket.socket, user: User, broker: tuple[str, int]) -> bool:
    """Talk to a client until it is known whether it is the user. Whether it is.

    Args:
        client: The connection to the client.
        user: The user.
        broker: Where to ask what a broker answers to anybody, such as the versions that it speaks.
    """
    check: Plain | Scram = Plain(user)
    while True:
        request = read_frame(client)
        key, version, correlation = struct.unpack(">hhi", request[:8])
        if key == SaslHandshakeRequest.API_KEY:
            mechanism = SaslHandshakeRequest.decode(request, version=version, header=True).mechanism
            check = Plain(user) if mechanism == "PLAIN" else Scram(user, mechanism)
            handshake = SaslHandshakeResponse(version=version, error_code=0, mechanisms=[mechanism])
            send_answer(client, handshake, correlation)
        elif key == SaslAuthenticateRequest.API_KEY:
            said = SaslAuthenticateRequest.decode(request, version=version, header=True).auth_bytes
            right, answer = check.hear(bytes(said))
            answer = SaslAuthenticateResponse(
                version=version,
                error_code=AUTHENTICATION_FAILED if right is False else 0,
                error_message="Authentication failed." if right is False else None,
                auth_bytes=answer,
                session_lifetime_ms=user.lifetime,
            )
            send_answer(client, answer, correlation)
            if right is not None:
                return right
        else:
            with socket.create_connection(broker, 5) as connection:
                connection.sendall(struct.pack(">i", len(request)) + request)
                answer = read_frame(connection)
                client.sendall(struct.pack(">i", len(answer)) + answer)


class Plain:
    """PLAIN (RFC 4616)."""

    def __init__(self, user: User) -> None:
        self._user = user

    def hear(self, said: bytes) -> tuple[bool | None, bytes]:
        """Whether that was the user, and the answer."""
        name, password = said.split(b"\x00")[1:]
        return (name.decode(), password.decode()) == self._user[:2], b""


class Scram:
    """SCRAM (RFC 5802), with SHA-256 or SHA-512."""

    def __init__(self, user: User, mechanism: str) -> None:
        self._hash = mechanism.removeprefix("SCRAM-").replace("-", "").lower()
        self._salt = os.urandom(16)
        self._user = user
        self._first: list[bytes] = []

    def hear(self, said: bytes) -> tuple[bool | None, bytes]:
        """Whether that was the user, None if more is to be said; and the answer."""
        iterations = 4_096
        if not self._first:
            bare = said.removeprefix(b"n,,")
            nonce = bare.partition(b",r=")[2] + base64.b64encode(os.urandom(18))
            answer = b"r=" + nonce + b",s=" + base64.b64encode(self._salt) + b",i=%d" % iterations
            self._first = [bare, answer]
            return None, answer
        without_proof, _, proof = said.partition(b",p=")
        salted = hashlib.pbkdf2_hmac(self._hash, self._user.password.encode(), self._salt, iterations)
        text = b",".join([*self._first, without_proof])
        key = self._mac(salted, b"Client Key")
        signature = self._mac(hashlib.new(self._hash, key).digest(), text)
        expected = bytes(left ^ right for left, right in zip(key, signature, strict=True))
        right = self._first[0].startswith(f"n={self._user.name},".encode()) and base64.b64decode(proof) == expected
        return right, b"v=" + base64.b64encode(self._mac(self._mac(salted, b"Server Key"), text)) if right else b""

    def _mac(self, key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, self._hash).digest()


def read_frame(connection: socket.socket) -> bytes:
    """The next request or answer."""
    return _exactly(connection, struct.unpack(">i", _exactly(connection, 4))[0])


def send_answer(connection: socket.socket, answer: Any, correlation: int) -> None:
    """Answer a request."""
    answer.with_header(correlation_id=correlation)
    connection.sendall(answer.encode(header=True, framed=True))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise OSError("The connection has ended.")
        data += chunk
    return data

"""The files that TLS needs: they are read and checked when an exporter is made, whoever has named them."""

from __future__ import annotations

import os
import ssl
from typing import NamedTuple, NoReturn

from one_logger.core import OneLoggerError
from one_logger.core.spi import error_text


class TlsFile(NamedTuple):
    """A file, and what has named it: an argument or an environment variable."""

    source: str
    path: str

    def __str__(self) -> str:
        return f"{self.source} {self.path!r}"

    def content(self) -> bytes:
        """What is in it, if it can be read and is not empty."""
        try:
            with open(self.path, "rb") as file:
                content = file.read()
        except OSError as error:
            raise OneLoggerError(f"The file of {self} cannot be read: {error.strerror}.") from error
        if not content.strip():
            raise OneLoggerError(f"The file of {self} is empty; expected PEM.")
        return content


class TlsFiles(NamedTuple):
    """The files. None: what the system trusts; or no certificate of the client's."""

    certificate: TlsFile | None
    client_certificate: TlsFile | None
    client_key: TlsFile | None

    def check(self) -> None:
        """See whether they can be used.

        Raises:
            OneLoggerError: They cannot, for instance as the key is not that of the certificate.
        """
        if self.client_key is not None and self.client_certificate is None:
            raise OneLoggerError(
                f"{self.client_key.source} was given without a client certificate; give both, or neither."
            )
        for file in filter(None, self):
            file.content()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.certificate is not None:
            try:
                context.load_verify_locations(self.certificate.path)
            except (ssl.SSLError, OSError) as error:
                raise OneLoggerError(
                    f"{self.certificate} holds no certificates to trust: {error_text(error)}. Expected PEM."
                ) from error
        if self.client_certificate is not None:
            key = self.client_key or self.client_certificate
            try:
                context.load_cert_chain(self.client_certificate.path, key.path, password=lambda: _locked(key))
            except (ssl.SSLError, OSError) as error:
                raise OneLoggerError(
                    f"{self.client_certificate} and its key in {key} cannot be used: {error_text(error)}. Expected a "
                    "certificate and its private key, both as PEM. The key may be in the file of the certificate."
                ) from error

    @property
    def state(self) -> tuple[object, ...]:
        """Something that is different once one of the files was replaced."""
        stats = [os.stat(file.path) for file in self if file is not None]
        return tuple((stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


def _locked(key: TlsFile) -> NoReturn:
    raise OneLoggerError(f"The private key of {key} needs a password, which nobody could type; give one without.")

"""Whether a port can be had, asked before a server takes it."""

from __future__ import annotations

import errno
import socket

from yutang.kernel.errors import ConflictError, InvalidError


def require_port(host: str, port: int, setting: str = "listen_port") -> None:
    """Raise unless the port can be had: the server would take a shared one, or die without saying why.

    setting: the one that names the port, for the remedy.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConflictError(
                    "http.port_in_use", f"port {port} is in use by another process", where=f"{host}:{port}",
                    remedy=f"end that process, or set another {setting} (YUTANG_{setting.upper()})",
                ) from None  # fmt: skip
            raise InvalidError(
                "http.address", f"can't listen there: {error.strerror or error}", where=f"{host}:{port}",
                remedy=f"set another {setting.replace('_port', '_host')} or {setting}",
            ) from None  # fmt: skip

"""The application on a loopback port, by Granian, in the engine's own process."""

from __future__ import annotations

import asyncio
import threading

from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server

CLOSE_WAIT_S_MAX = 1.0


class HttpServer:
    """Serves from a thread of its own until closed."""

    def __init__(self, application: FastAPI, host: str, port: int) -> None:
        self._server = Server(application, address=host, port=port, interface=Interfaces.ASGI, log_enabled=False)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._closed = False
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve())

    @property
    def alive(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop taking requests, and wait a moment for those at work; a second time does nothing."""
        if self._closed or not self._thread.is_alive():
            return
        self._closed = True
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(CLOSE_WAIT_S_MAX)

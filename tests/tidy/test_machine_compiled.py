"""The machine's kernels are compiled anew when anything changes that is compiled into them.

Numba's cache goes by the file that a function stands in. What it calls stands in other files, and what these are told
by constants in yet another: so the files with cached kernels carry a digest of all of them.
`python -m tests.tidy.test_machine_compiled` writes it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

TIMELINE = Path(__file__).parents[2] / "src" / "yutang" / "timeline"
CACHED = ("machine.py", "machine_asked.py")
STAMP = re.compile(r'^COMPILED_OF = "(.*?)".*$', re.MULTILINE)


def digest() -> str:
    files = sorted((TIMELINE / "kernels").glob("machine*.py"))
    texts = [STAMP.sub("", file.read_text(encoding="utf-8")) for file in files]
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()


def test_cached_kernels_carry_the_digest_of_what_is_compiled_into_them() -> None:
    for name in CACHED:
        text = (TIMELINE / "kernels" / name).read_text(encoding="utf-8")
        assert STAMP.findall(text) == [digest()], f'{name}: write COMPILED_OF = "{digest()}"'


def main() -> None:
    now = f'COMPILED_OF = "{digest()}"'
    for file in (TIMELINE / "kernels" / name for name in CACHED):
        file.write_text(re.sub(r'^COMPILED_OF = ".*?"', now, file.read_text(encoding="utf-8"), flags=re.MULTILINE))


if __name__ == "__main__":
    main()

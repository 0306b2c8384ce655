"""The `yutang` command, and `python -m yutang`: which wiring a command line wants, before anything of it is loaded.

`yutang serve` only looks after two processes: what loads all slices to read one word would keep both waiting.
"""

import sys
from collections.abc import Sequence

VALUED = frozenset({"--data", "--as", "--language", "--zone", "--currency"})  # options before the command


def serves(arguments: Sequence[str]) -> bool:
    """Whether a command line is one of `serve`; what isn't plain is left to the whole command line."""
    place = 0
    while place < len(arguments) and arguments[place].startswith("--"):
        name, _, value = arguments[place].partition("=")
        if name not in VALUED:
            return False
        place += 1 if value else 2
    return place < len(arguments) and arguments[place] == "serve"


def main() -> None:
    """The `yutang` command."""
    if serves(sys.argv[1:]):
        from yutang.supervisor import main as enter
    else:
        from yutang.app import main as enter
    enter()


if __name__ == "__main__":
    main()

"""`python -m yutang`: the command line."""

from yutang.app import main

main()

"""Going through a tree: the children of a node, all nodes below one, and a tree rebuilt from its leaves.

Invariant: a place in a tree is a JSON pointer (`/tests/0/subject`), the same for the JSON face of it.
Knows nothing of what nodes mean: their struct fields say what lies below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from yutang.conditions.nodes import Node


def children(node: Node) -> Iterator[tuple[str, Node]]:
    """The nodes right below one, in order, each with its place in it (`subject`, `tests/0`)."""
    for name in node.__struct_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield name, value
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Node):
                    yield f"{name}/{index}", item


def walk(root: Node, at: str = "") -> Iterator[tuple[str, int, Node]]:
    """All nodes of a tree, a node before what is below it: (pointer, depth from 1, node). Without recursion."""
    waiting = [(at, 1, root)]
    while waiting:
        place, depth, node = waiting.pop()
        yield place, depth, node
        below = [(f"{place}/{name}", depth + 1, child) for name, child in children(node)]
        waiting.extend(reversed(below))


def nodes_below(root: Node) -> Iterator[Node]:
    """All nodes of a tree, the root first."""
    return (node for _, _, node in walk(root))


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with `change` applied to every node, leaves first. For trees of bounded depth."""
    fields: dict[str, object] = {}
    for name in node.__struct_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            fields[name] = rebuild(value, change)
        elif isinstance(value, tuple) and value and isinstance(value[0], Node):
            fields[name] = tuple(rebuild(item, change) for item in value)
    return change(msgspec.structs.replace(node, **fields) if fields else node)


def tag_of(node: Node | type[Node]) -> str:
    """What the JSON of a node is tagged with (`compare`)."""
    return str(node.__struct_config__.tag)


# Every kind of node that there is.
NODE_CLASSES: tuple[type[Node], ...] = tuple(Node.__subclasses__())

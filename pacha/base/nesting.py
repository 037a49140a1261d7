"""How deep a value is nested, told without recursion: for readers of texts that people and other programs write."""

from collections.abc import Mapping


def nesting(value: object) -> int:
    """The number of levels of mappings and lists, one for a value that holds no other.

    >>> nesting(1), nesting({"a": [1]}), nesting([])
    (1, 3, 1)
    """
    deepest, todo = 0, [(value, 1)]
    while todo:
        item, depth = todo.pop()
        deepest = max(deepest, depth)
        if isinstance(item, Mapping):
            todo.extend((inner, depth + 1) for inner in item.values())
        elif isinstance(item, list):
            todo.extend((inner, depth + 1) for inner in item)
    return deepest

"""The house: rooms import downwards, packages have one door, nothing is imported late, nothing unpickles."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "pacha"
FLOORS = [
    {"base"}, {"objects"}, {"store", "refs"}, {"repo"}, {"graph"}, {"worktree", "formats", "remotes"}, {"registry"}, {"index"},
    {"porcelain"}, {"api"}, {"server"}, {"cli"},
]  # fmt: skip
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
DOORS = {
    "blake3": {"base/ids.py"},
    "zstandard": {"store/codec/zstd.py"},
    "pyfastcdc": {"worktree/chunker.py"},
    "tomlkit": {"base/toml.py"},
    "pathspec": {"worktree/ignore.py"},
    "sqlite3": {"index/cache.py", "index/legacy.py"},
    "networkx": {"graph/lineage.py"},
    "pyarrow": {"formats/columnar.py"},
    "yaml": {"base/yaml.py"},
    "urllib3": {"remotes/http.py"},
    "obstore": {"remotes/bucket.py"},
    "starlette": {"server/app.py"},
    "uvicorn": {"server/running.py"},
    "numpy": {"store/planes.py", "demo/train.py"},
}
CLI_ONLY = {"click", "rich"}
FORBIDDEN = {"pickle", "marshal", "shelve", "dill", "joblib", "torch", "cloudpickle"}
STORAGE_CALLS = {
    "rename",
    "replace",
    "link",
    "symlink",
    "fsync",
    "fdatasync",
    "unlink",
    "rmdir",
    "truncate",
    "flock",
    "lockf",
}
#: The durable writer, and the probes that try what it needs.
WRITERS = {"base/files.py", "base/probe.py"}


def modules() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def faults(path: str, source: str) -> Iterator[str]:
    """What is wrong with a module, by the rules of the house. `path` is relative to the house."""
    tree = ast.parse(source)
    room = path.split("/")[0]
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        for name in imported(node):
            yield from import_faults(path, room, name, is_late=id(node) in late)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield f"{path}: import *"
        if isinstance(node, ast.Call):
            yield from call_faults(path, room, node)
        if isinstance(node, ast.ExceptHandler) and room != "cli" and isinstance(node.type, ast.Name):
            if node.type.id in ("Exception", "BaseException") and not any(
                isinstance(inner, ast.Raise) for inner in ast.walk(node)
            ):
                yield f"{path}: swallows {node.type.id}"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        return [node.module]
    return ["relative"] if isinstance(node, ast.ImportFrom) and node.level else []


def import_faults(path: str, room: str, name: str, *, is_late: bool) -> Iterator[str]:
    parts = name.split(".")
    if parts[0] == "relative":
        yield f"{path}: a relative import"
    if parts[0] in FORBIDDEN:
        yield f"{path}: imports {name}"
    if parts[0] in DOORS and path not in DOORS[parts[0]]:
        yield f"{path}: {name} has another door"
    if parts[0] in CLI_ONLY and room != "cli":
        yield f"{path}: {name} belongs to cli"
    if parts[0] != "pacha" or len(parts) < 2:
        return
    if is_late and path not in ("cli/main.py", "__init__.py"):
        yield f"{path}: imports {name} inside a function"
    other = parts[1]
    if room in FLOOR and other in FLOOR and other != room and FLOOR[other] >= FLOOR[room]:
        yield f"{path}: imports {name}, which is not below"


def call_faults(path: str, room: str, node: ast.Call) -> Iterator[str]:
    function = node.func
    if isinstance(function, ast.Name) and function.id in ("eval", "exec", "print") and room != "demo":
        yield f"{path}: calls {function.id}"
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        if function.value.id in ("os", "fcntl", "shutil") and function.attr in STORAGE_CALLS and path not in WRITERS:
            yield f"{path}: calls {function.value.id}.{function.attr}"


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_module_keeps_the_rules_of_the_house(module: Path) -> None:
    path = str(module.relative_to(HOUSE))
    assert list(faults(path, module.read_text("utf-8"))) == []


def test_every_folder_is_a_room_of_the_house() -> None:
    rooms = {path.parent.relative_to(HOUSE).parts[0] for path in modules() if path.parent != HOUSE}
    assert rooms == {*FLOOR, "demo"} - {"api"} or rooms == {*FLOOR, "demo"}


def test_every_public_name_says_what_it_is() -> None:
    silent = []
    for module in modules():
        tree = ast.parse(module.read_text("utf-8"))
        for owner in (
            tree,
            *(node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")),
        ):
            for node in owner.body:
                named = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
                if named and not ast.get_docstring(node):
                    silent.append(f"{module.name}: {node.name}")
    assert silent == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("base/x.py", "from pacha.store.data import DataStore"),
        ("store/x.py", "from pacha.refs.store import RefStore"),
        ("store/x.py", "def f():\n    from pacha.base.ids import ObjectId"),
        ("store/x.py", "import blake3"),
        ("graph/x.py", "import click"),
        ("graph/x.py", "import pickle"),
        ("graph/x.py", "from pacha.base.ids import *"),
        ("graph/x.py", "from . import walk"),
        ("graph/x.py", "import os\nos.rename('a', 'b')"),
        ("porcelain/x.py", "print('hello')"),
        ("porcelain/x.py", "try:\n    f()\nexcept Exception:\n    pass"),
    ],
)
def test_the_rules_find_what_breaks_them(path: str, source: str) -> None:
    assert list(faults(path, source))

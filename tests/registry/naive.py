"""A second search, as plain as possible: files read one by one, each row asked each term. The oracle of the real one."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import semver

from pacha.registry.query import All, Compare, Either, Field, Has, Node, Not, Word

ALIASES = {"dev": "development", "stage": "staging", "prod": "production", "archive": "archived"}
UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30, "b": 1, "": 1}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
OWN = ("kind", "name", "artifact", "version", "stage", "head", "latest", "manifest")
OF_MANIFEST = ("created", "author", "message", "size", "digest", "path", "shape")
Row = dict[str, Any]


# -- reading ---------------------------------------------------------------------------------------------------------


def read_rows(pacha: Path) -> list[Row]:
    """Every version, and every head without one, in the order of the real answer."""
    found = []
    for kind in ("data", "model", "recipe", "run"):
        names = {path.name for space in ("heads", "versions") for path in (pacha / "refs" / space / kind).glob("*")}
        for name in sorted(names):
            found += rows_of(pacha, kind, name)
    return found


def rows_of(pacha: Path, kind: str, name: str) -> list[Row]:
    versions = {}
    for path in (pacha / "refs/versions" / kind / name).glob("*"):
        versions[path.name] = read(pacha, path.read_text().strip())["manifest"].partition(":")[2]
    heads = heads_of(pacha, kind, name)
    stages = stages_of(pacha, kind, name)
    ordered = sorted(versions, key=semver.Version.parse, reverse=True)
    kept = [text for text in ordered if stages.get(text) != "yanked"]
    latest = next((text for text in kept if not semver.Version.parse(text).prerelease), kept[0] if kept else None)
    rows = []
    for version, id in [
        *((None, id) for id in heads if id not in versions.values()),
        *((v, versions[v]) for v in ordered),
    ]:
        manifest = read(pacha, f"manifest:{id}") or {}
        rows.append(
            {
                **{key: manifest.get(key) for key in (*OF_MANIFEST, "card", "facts")},
                "kind": kind, "name": name, "artifact": f"{kind}/{name}", "version": version, "manifest": id,
                "stage": None if version is None else stages.get(version, "development"),
                "head": id in heads, "latest": version is not None and version == latest,
            }
        )  # fmt: skip
    return rows


def heads_of(pacha: Path, kind: str, name: str) -> list[str]:
    ids = {path.read_text().strip().partition(":")[2] for path in (pacha / "refs/heads" / kind / name).glob("*")}
    older: set[str] = set()
    for id in ids:
        todo = [id]
        while todo:
            for parent in (read(pacha, f"manifest:{todo.pop()}") or {}).get("parents", []):
                other = parent["manifest"].partition(":")[2]
                if parent["role"] == "previous" and other not in older:
                    older.add(other)
                    todo.append(other)
    return sorted(
        ids - older, key=lambda id: ((read(pacha, f"manifest:{id}") or {}).get("created", ""), id), reverse=True
    )


def stages_of(pacha: Path, kind: str, name: str) -> dict[str, str]:
    found = {}
    for path in sorted((pacha / "refs/stages" / kind / name).glob("*")):
        move = read(pacha, path.read_text().strip())
        found[move["version"]] = move["to"]
        found.update({item["version"]: item["to"] for item in move.get("displaced", [])})
    return found


def read(pacha: Path, link: str) -> Any:
    kind, _, digits = link.partition(":")
    for place in ("objects", "local/objects"):
        path = pacha / place / kind / digits[:2] / f"{digits[2:]}.json"
        if path.exists():
            return json.loads(path.read_text("utf-8"))
    return None


# -- asking ----------------------------------------------------------------------------------------------------------


def holds(row: Row, node: Node, now: str) -> bool:
    """Whether a query holds for a row."""
    if isinstance(node, All):
        return all(holds(row, part, now) for part in node.parts)
    if isinstance(node, Either):
        return any(holds(row, part, now) for part in node.parts)
    if isinstance(node, Not):
        return not holds(row, node.part, now)
    if isinstance(node, Has):
        return value_of(row, node.field) is not None
    if isinstance(node, Word):
        card = row.get("card") or {}
        return any(
            contains(text, node.text)
            for text in (row["name"], row.get("message"), card.get("description"), card.get("purpose"))
        )
    value = value_of(row, node.field)
    return value is not None and fits(node, value, now)


def value_of(row: Row, field: Field) -> Any:
    parts = field.parts
    if len(parts) == 1 and parts[0] in (*OWN, *OF_MANIFEST, "age"):
        return row.get("created" if parts[0] == "age" else parts[0])
    groups = ("card", "facts")
    if parts[0] in groups and len(parts) > 1:
        groups, parts = (parts[0],), parts[1:]  # type: ignore[assignment]
    for group in groups:
        for keys in every_split(parts):
            found = walk(row.get(group), keys)
            if found is not None:
                return found
    return None


def every_split(parts: tuple[str, ...]) -> list[list[str]]:
    found = []
    for cuts in itertools.product((False, True), repeat=len(parts) - 1):
        keys = [parts[0]]
        for is_cut, part in zip(cuts, parts[1:], strict=True):
            if is_cut:
                keys.append(part)
            else:
                keys[-1] += "." + part
        found.append(keys)
    return found


def walk(value: Any, keys: list[str]) -> Any:
    if not keys or value is None:
        return value
    if isinstance(value, list):
        return [found for item in value if (found := walk(item, keys)) is not None] or None
    return walk(value.get(keys[0]), keys[1:]) if isinstance(value, dict) else None


def fits(term: Compare, value: Any, now: str) -> bool:
    name = term.field.parts[0] if len(term.field.parts) == 1 else ""
    sign, text = term.comparator, term.value
    if sign == "~":
        return contains(value, text)
    if name in ("kind", "name", "artifact", "author", "message", "path", "shape"):
        return ordered(value.casefold(), sign, text.casefold())
    if name == "stage":
        return ordered(value, sign, ALIASES.get(text.lower(), text.lower()))
    if name in ("digest", "manifest"):
        return value.startswith(text) == (sign == "=")
    if name in ("head", "latest"):
        return (value == (text in ("true", "yes"))) == (sign == "=")
    if name == "version":
        return of_version(value, sign, text)
    if name == "created":
        return ordered(value[: len(text)], sign, text)
    if name == "age":
        age = datetime.fromisoformat(now) - datetime.fromisoformat(value)
        return ordered(age, sign, timedelta(seconds=float(text[:-1]) * SECONDS[text[-1]]))
    if name == "size":
        digits = text.rstrip("KMGiB")
        return ordered(Decimal(value), sign, Decimal(digits) * UNITS[text[len(digits) :].lower()])
    return free(value, sign, text)


def of_version(value: str, sign: str, text: str) -> bool:
    version = semver.Version.parse(value)
    if text.count(".") < 2:
        numbers = tuple(map(int, text.split(".")))
        return ordered((version.major, version.minor)[: len(numbers)], sign, numbers)
    return ordered(version.compare(text), sign, 0)


def free(value: Any, sign: str, text: str) -> bool:
    items = value if isinstance(value, list) else [value]
    if sign == "!=":
        return all(item != "NaN" and not isinstance(item, dict) and not one(item, "=", text) for item in items)
    return any(one(item, sign, text) for item in items)


def one(item: Any, sign: str, text: str) -> bool:
    if isinstance(item, bool):
        return sign == "=" and text.lower() in (("true", "yes") if item else ("false", "no"))
    number = number_in(text)
    if isinstance(item, (int, float)):
        return number is not None and ordered(Decimal(item), sign, number)
    if not isinstance(item, str) or item == "NaN":
        return False
    if number is not None and (item in ("Infinity", "-Infinity") or (item.lstrip("-").isdigit() and len(item) > 15)):
        return ordered(Decimal(item), sign, number)
    moment = moment_in(item)
    if moment is not None and re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text):
        return ordered(moment[: len(text)], sign, text)
    return sign == "=" and item.casefold() == text.casefold()


def number_in(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    # A number is compared as what a computer makes of it.
    return None if found.is_nan() else found if text.lstrip("+-").isdigit() else Decimal(float(found))


def moment_in(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) < 10 or text[4] != "-" or text[7] != "-":
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ordered(left: Any, sign: str, right: Any) -> bool:
    return {
        "=": left == right, "!=": left != right, ">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right,
    }[sign]  # fmt: skip


def contains(value: Any, text: str) -> bool:
    if isinstance(value, list):
        return any(contains(item, text) for item in value)
    if value is None or isinstance(value, dict):
        return False
    return text.casefold() in (json.dumps(value) if isinstance(value, (bool, int, float)) else value).casefold()

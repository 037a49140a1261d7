"""Makes old registries as the old program made them: the same tables, the same JSON, the same folders."""

import json
import sqlite3
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pacha.base.ids import hash_bytes

SCHEMA = """
CREATE TABLE models (id TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, content_hash TEXT NOT NULL,
  content_size INTEGER NOT NULL, card_json TEXT NOT NULL, stage TEXT DEFAULT 'development', created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, UNIQUE(name, version));
CREATE INDEX idx_models_name ON models(name);
CREATE INDEX idx_models_stage ON models(stage);
CREATE TABLE datasets (id TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, content_hash TEXT NOT NULL,
  content_size INTEGER NOT NULL, datasheet_json TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(name, version));
CREATE INDEX idx_datasets_name ON datasets(name);
CREATE TABLE recipes (id TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, recipe_json TEXT NOT NULL,
  created_at TEXT NOT NULL, UNIQUE(name, version));
CREATE INDEX idx_recipes_name ON recipes(name);
CREATE TABLE runs (id TEXT PRIMARY KEY, recipe_name TEXT, recipe_version TEXT, hyperparameters_json TEXT NOT NULL,
  status TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT, run_json TEXT NOT NULL);
CREATE INDEX idx_runs_recipe ON runs(recipe_name, recipe_version);
CREATE INDEX idx_runs_status ON runs(status);
CREATE TABLE lineage (id INTEGER PRIMARY KEY AUTOINCREMENT, from_id TEXT NOT NULL, to_id TEXT NOT NULL,
  edge_type TEXT NOT NULL, metadata_json TEXT);
CREATE INDEX idx_lineage_from ON lineage(from_id);
CREATE INDEX idx_lineage_to ON lineage(to_id);
"""
LATER = """
CREATE TABLE evals (id INTEGER PRIMARY KEY AUTOINCREMENT, model_sha TEXT NOT NULL, suite TEXT NOT NULL,
  suite_manifest_sha TEXT NOT NULL, score REAL NOT NULL, n INTEGER NOT NULL, engine_version TEXT NOT NULL,
  engine_sha TEXT NOT NULL, host TEXT NOT NULL, ts TEXT NOT NULL);
CREATE TABLE dataset_manifests (canonical_sha256 TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL,
  admitted_json TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(name, version));
"""
TIME = "2024-03-01T10:20:30.123456789+00:00"


def version_value(text: str) -> dict[str, Any]:
    """A version as the old JSON has it."""
    plain, _, build = text.partition("+")
    numbers, _, prerelease = plain.partition("-")
    major, minor, patch = (int(part) for part in numbers.split("."))
    value: dict[str, Any] = {"major": major, "minor": minor, "patch": patch}
    return {**value, **({"prerelease": prerelease} if prerelease else {}), **({"build": build} if build else {})}


def ref(text: str) -> dict[str, Any]:
    """A reference as the old JSON has it."""
    name, _, version = text.rpartition(":")
    return {"name": name, "version": version_value(version)}


def model_card(description: str = "", **members: Any) -> dict[str, Any]:
    """A card with every member that the old program always writes."""
    empty: dict[str, Any] = {
        "description": description, "metrics": {}, "primary_uses": [], "out_of_scope_uses": [], "limitations": [],
        "ethical_considerations": [], "derived_from": [], "extra": {},
    }  # fmt: skip
    return {**empty, **members}


@dataclass
class OldRegistry:
    """One old registry, written row by row."""

    path: Path
    ids: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, path: Path, more: str = "") -> "OldRegistry":
        """An empty one."""
        (path / "objects").mkdir(parents=True)
        made = cls(path)
        made.sql(SCHEMA + more)
        return made

    def sql(self, text: str, *values: Any) -> None:
        """Runs SQL as the old program, or somebody worse, would."""
        connection = sqlite3.connect(self.path / "registry.db")
        if values:
            connection.execute(text, values)
        else:
            connection.executescript(text)
        connection.commit()
        connection.close()

    def id(self, name: str) -> str:
        """The id of a row, always the same for a name."""
        return self.ids.setdefault(name, str(uuid.uuid5(uuid.NAMESPACE_URL, name)))

    def put(self, data: bytes) -> str:
        """Stores an object and returns its digits."""
        digits = hash_bytes(data).hex
        path = self.path / "objects" / digits[:2] / digits
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return digits

    def model(self, text: str, data: bytes, card: Any = None, *, stage: str = "development", time: str = TIME) -> str:
        """Registers a model."""
        name, _, version = text.rpartition(":")
        card_text = card if isinstance(card, str) else json.dumps(model_card() if card is None else card)
        self.sql(
            "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self.id(text), name, version, self.put(data), len(data), card_text, stage, TIME, time,
        )  # fmt: skip
        return self.id(text)

    def data(self, text: str, data: bytes, sheet: Any = None) -> str:
        """Registers a dataset."""
        name, _, version = text.rpartition(":")
        empty = {
            "purpose": "", "creators": [], "features": {}, "sensitive_features": [], "preprocessing": [],
            "access_restrictions": [], "extra": {},
        }  # fmt: skip
        self.sql(
            "INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?)",
            self.id(text), name, version, self.put(data), len(data), json.dumps({**empty, **(sheet or {})}), TIME,
        )  # fmt: skip
        return self.id(text)

    def recipe(self, text: str, **members: Any) -> str:
        """Registers a recipe."""
        name, _, version = text.rpartition(":")
        value = {
            "id": self.id(text), "name": name, "version": version_value(version), "description": "how",
            "hyperparameters": {
                "learning_rate": 2e-05, "batch_size": 32, "epochs": 3, "weight_decay": 0.0, "custom": {}
            },
            "preprocessing": [], "augmentation": [], "dependencies": {"system_deps": [], "env_vars": {}},
            "deterministic": True, "created_at": "2024-03-01T10:20:30.123456789Z", "extra": {}, **members,
        }  # fmt: skip
        self.sql("INSERT INTO recipes VALUES (?, ?, ?, ?, ?)", self.id(text), name, version, json.dumps(value), TIME)
        return self.id(text)

    def run(self, name: str, recipe: str | None = None, **members: Any) -> str:
        """Records a run."""
        hyperparameters = {"learning_rate": 0.001, "batch_size": 32, "epochs": 10, "weight_decay": 0.0, "custom": {}}
        value = {
            "run_id": self.id(name), "hyperparameters": hyperparameters, "started_at": "2024-03-01T10:20:30Z",
            "status": "completed", "hardware": {}, "metrics": [], "artifacts": [], "git_dirty": False, "extra": {},
            **({"recipe": ref(recipe)} if recipe else {}), **members,
        }  # fmt: skip
        recipe_name, _, recipe_version = (recipe or "").rpartition(":")
        self.sql(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            self.id(name), recipe_name or None, recipe_version or None, json.dumps(hyperparameters), value["status"],
            TIME, TIME, json.dumps(value),
        )  # fmt: skip
        return self.id(name)

    def edge(self, from_id: str, to_id: str, edge_type: str, **metadata: Any) -> None:
        """Adds a row of lineage."""
        self.sql(
            "INSERT INTO lineage (from_id, to_id, edge_type, metadata_json) VALUES (?, ?, ?, ?)",
            from_id, to_id, edge_type, json.dumps(metadata) if metadata else None,
        )  # fmt: skip

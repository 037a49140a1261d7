"""Trains a small classifier of penguin species on penguins.csv, and writes it as penguin-classifier.safetensors.

How well it went is written into card.toml, for `pacha model register --card`. Multinomial logistic regression on four measurements, by gradient descent, in NumPy alone.
"""

import argparse
import csv
import json
import struct
import tomllib

import numpy as np

FEATURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
SPECIES = ("Adelie", "Chinstrap", "Gentoo")
#: Every fifth bird is kept apart for testing.
TEST_EVERY = 5


def read_birds(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads complete rows. Shape: features (birds, 4), species (birds,) as numbers."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if all(row[name] not in ("", "NA") for name in FEATURES)]
    values = np.array([[float(row[name]) for name in FEATURES] for row in rows], dtype=np.float64)
    return values, np.array([SPECIES.index(row["species"]) for row in rows])


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of each species. Shape: as `scores`, (birds, 3)."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def train(values: np.ndarray, species: np.ndarray, *, epochs: int, rate: float) -> dict[str, np.ndarray]:
    """Gradient descent from zero, so that equal data and flags give equal bytes."""
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scaled = (values - mean) / scale
    weights, bias = np.zeros((len(FEATURES), len(SPECIES))), np.zeros(len(SPECIES))
    wanted = np.eye(len(SPECIES))[species]
    for _ in range(epochs):
        error = (softmax(scaled @ weights + bias) - wanted) / len(values)
        weights -= rate * scaled.T @ error
        bias -= rate * error.sum(axis=0)
    return {"bias": bias, "mean": mean, "scale": scale, "weights": weights}


def accuracy(model: dict[str, np.ndarray], values: np.ndarray, species: np.ndarray) -> float:
    """The share of birds whose species is told right."""
    scores = (values - model["mean"]) / model["scale"] @ model["weights"] + model["bias"]
    return float((scores.argmax(axis=1) == species).mean())


def write_safetensors(path: str, model: dict[str, np.ndarray]) -> None:
    """Writes tensors in the safetensors format: header length, JSON header, little-endian float32 data."""
    header: dict[str, object] = {"__metadata__": {"species": ",".join(SPECIES), "features": ",".join(FEATURES)}}
    data = b""
    for name, tensor in sorted(model.items()):
        raw = tensor.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_card(path: str, *, share: float, birds: int) -> None:
    """Writes what a model card says of this training."""
    with open(path, "w", encoding="utf-8") as file:
        file.write('description = "Tells the species of a penguin by four measurements"\nlicense = "CC0-1.0"\n\n')
        file.write(f"[metrics]\naccuracy = {share:.4f}\nunseen_birds = {birds}\n")


def hyperparameters(recipe: str | None) -> dict[str, float]:
    """Those of a recipe file; without one, those of a first try."""
    if recipe is None:
        return {"epochs": 20, "learning_rate": 0.1}
    with open(recipe, "rb") as file:
        found: dict[str, float] = tomllib.load(file)["hyperparameters"]
    return found


def main() -> None:
    """Trains, writes, and prints how well it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", help="take the hyperparameters from this file")
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args()
    said = hyperparameters(options.recipe)
    epochs, rate = options.epochs or int(said["epochs"]), said["learning_rate"]
    values, species = read_birds("penguins.csv")
    is_test = np.arange(len(values)) % TEST_EVERY == 0
    model = train(values[~is_test], species[~is_test], epochs=epochs, rate=rate)
    write_safetensors("penguin-classifier.safetensors", model)
    share = accuracy(model, values[is_test], species[is_test])
    write_card("card.toml", share=share, birds=int(is_test.sum()))
    print(f"trained for {epochs} epochs: {share:.1%} of {is_test.sum()} unseen birds told right")


if __name__ == "__main__":
    main()

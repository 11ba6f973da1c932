from pathlib import Path
from typing import Annotated, Literal, Union

import keras
import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator


class Base(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(Base):
    numeric: list[str]
    categorical: dict[str, PositiveInt]
    rows: PositiveInt = 1000

    @property
    def n_tokens(self):
        return len(self.numeric) + len(self.categorical) + 1


class ModelSettings(Base):
    d_token: PositiveInt = 32
    n_blocks: PositiveInt = 3
    heads: PositiveInt = 4
    ffn_factor: float = Field(4 / 3, gt=0)
    activation: Literal["relu", "gelu", "reglu"] = "reglu"

    @model_validator(mode="after")
    def check_heads(self):
        if self.d_token % self.heads:
            raise ValueError("d_token must be a multiple of heads")
        return self

    @property
    def gated(self):
        return self.activation.endswith("glu")


class AdamWSettings(Base):
    kind: Literal["adamw"]
    lr: float = 1e-3
    weight_decay: float = 1e-2
    no_decay: list[str] = []

    def build(self):
        opt = keras.optimizers.AdamW(self.lr, weight_decay=self.weight_decay)
        opt.exclude_from_weight_decay(var_names=self.no_decay)
        return opt


class SGDSettings(Base):
    kind: Literal["sgd"]
    lr: float = 1e-2
    momentum: float = 0.9

    def build(self):
        return keras.optimizers.SGD(self.lr, momentum=self.momentum, nesterov=True)


class FitSettings(Base):
    epochs: PositiveInt
    batch_size: PositiveInt
    class_weight_power: float = 0.0

    @field_validator("class_weight_power")
    @classmethod
    def in_range(cls, v):
        assert 0 <= v <= 1, "must be between 0 and 1"
        return v


class Settings(Base):
    seed: int = 0
    data: DataSettings
    model: ModelSettings = ModelSettings()
    optimizer: Annotated[Union[AdamWSettings, SGDSettings], Field(discriminator="kind")]
    fit: FitSettings

    @classmethod
    def load(cls, path):
        return cls.model_validate(yaml.safe_load(Path(path).read_text()))

import numpy as np

from ..losses import build_losses
from ..utils import MODELS, AGCAdam

__all__ = ["build_model", "compile_model"]


def build_model(cfg):
    model = MODELS.build(cfg.model)
    size = cfg.data.size
    model(np.zeros((1, size, size, 3), "float32"))  # creates the weights
    return model


def compile_model(model, cfg, lr=None):
    losses, weights = build_losses(cfg.losses)
    model.compile(
        optimizer=AGCAdam(lr or cfg.train.lr, clip_factor=cfg.train.agc),
        loss=losses,
        loss_weights=weights,
        metrics={"scene": ["accuracy"]},
    )
    return model

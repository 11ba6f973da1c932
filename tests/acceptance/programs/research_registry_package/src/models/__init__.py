from ..registry import get
from . import layers, nets  # noqa: F401  (fills the registry)


def build_model(cfg):
    model = get("model", cfg.model.name)(cfg)
    model(model.dummy_inputs(cfg))  # create the weights
    return model

from ..utils import LOSSES


def build_losses(cfg):
    losses, weights = {}, {}
    for head, c in cfg.items():
        c = dict(c)
        weights[head] = c.pop("weight", 1.0)
        losses[head] = LOSSES.build(c)
    return losses, weights

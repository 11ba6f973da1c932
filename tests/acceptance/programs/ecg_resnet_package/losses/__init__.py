from .multilabel import AsymmetricLoss, weighted_bce

LOSSES = {"asymmetric": AsymmetricLoss, "bce": weighted_bce}


def get_loss(name, pos_weight):
    return LOSSES[name](pos_weight)

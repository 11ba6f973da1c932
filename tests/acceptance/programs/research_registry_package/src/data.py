import numpy as np


def point_clouds(cfg, split):
    """Helices; the class is the number of turns. Points come in random order."""
    rng = np.random.default_rng(cfg.seed + {"train": 0, "eval": 1}[split])
    n = getattr(cfg.data, f"n_{split}")
    labels = rng.integers(0, cfg.data.classes, n)
    t = rng.uniform(0, 1, (n, cfg.data.n_points))
    angle = 2 * np.pi * (labels[:, None] + 1) * 0.5 * t + rng.uniform(0, 2 * np.pi, (n, 1))
    xyz = np.stack([np.cos(angle), np.sin(angle), 2 * t - 1], axis=-1)
    return (xyz + rng.normal(0, 0.02, xyz.shape)).astype("float32"), labels.astype("int32")

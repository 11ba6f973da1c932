import numpy as np


def make_scenes(n, size, stride, seed):
    """coloured rectangles; background brightness is the 'scene'"""
    rng = np.random.default_rng(seed)
    g = size // stride
    imgs = np.zeros((n, size, size, 3), np.float32)
    t = {
        "objectness": np.zeros((n, g, g, 1), np.float32),
        "box": np.zeros((n, g, g, 5), np.float32),
        "label": np.full((n, g, g, 1), -1, np.int32),
        "scene": rng.integers(0, 2, (n, 1)),
    }
    for i in range(n):
        imgs[i] = 0.2 + 0.4 * t["scene"][i, 0] + rng.normal(0, 0.03, (size, size, 3))
        for _ in range(rng.integers(1, 4)):
            w, h = rng.integers(4, 12, 2)
            x0, y0 = rng.integers(0, size - w), rng.integers(0, size - h)
            c = int(rng.integers(0, 3))
            imgs[i, y0:y0 + h, x0:x0 + w, c] = 1.0
            cx, cy = x0 + w / 2, y0 + h / 2
            gx, gy = int(cx // stride), int(cy // stride)
            t["objectness"][i, gy, gx] = 1
            t["box"][i, gy, gx] = [cx / stride - gx, cy / stride - gy, np.log(w / stride), np.log(h / stride), 1]
            t["label"][i, gy, gx] = c
    return imgs, t

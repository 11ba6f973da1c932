import json
from typing import NamedTuple, Optional, List

from tensorflow.keras import Model, initializers
from tensorflow.keras import layers as KL


class Head(NamedTuple):
    name: str
    channels: int
    activation: Optional[str] = None
    bias: float = 0.0
    weight: float = 1.0


class Spec(NamedTuple):
    stride: int
    stacks: int
    width: int
    heads: List[Head]

    @classmethod
    def load(cls, path):
        with open(path) as f:
            raw = json.load(f)
        return cls(**{**raw, "heads": [Head(**h) for h in raw["heads"]]})


class Residual(KL.Layer):
    def __init__(self, filters, stride=1, **kw):
        super(Residual, self).__init__(**kw)
        self.body = [
            KL.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False),
            KL.BatchNormalization(momentum=0.7, epsilon=1e-5),
            KL.ReLU(),
            KL.Conv2D(filters, 3, padding="same", use_bias=False),
            KL.BatchNormalization(momentum=0.7, epsilon=1e-5),
        ]
        self.skip = KL.Conv2D(filters, 1, strides=stride) if stride != 1 else (lambda t: t)

    def call(self, x, training=None):
        y = x
        for l in self.body:
            y = l(y, training=training) if isinstance(l, KL.BatchNormalization) else l(y)
        return KL.ReLU()(y + self.skip(x))


def clip_to(lo, hi):
    def clipped(t):
        import tensorflow as tf
        return tf.clip_by_value(tf.sigmoid(t), lo, hi)
    return clipped


def hourglass_net(spec, size, eps=1e-4):
    filters = spec.width

    def head(x, h, final):
        y = KL.Conv2D(filters, 3, padding="same", activation="relu")(x)
        y = KL.Conv2D(h.channels, 1, bias_initializer=initializers.Constant(h.bias),
                      name=h.name + "_logits" if final else None)(y)
        if h.activation == "clipped_sigmoid":
            return KL.Lambda(clip_to(eps, 1 - eps), name=h.name if final else None)(y)
        return KL.Activation(h.activation or "linear", name=h.name if final else None)(y)

    def hourglass(x, depth):
        up = Residual(filters)(x)
        low = Residual(filters, stride=2)(x)
        low = hourglass(low, depth - 1) if depth > 1 else Residual(filters)(low)
        return KL.add([up, KL.UpSampling2D(interpolation="nearest")(low)])

    image = KL.Input((size, size, 3), name="image")
    x = KL.Conv2D(filters, 5, strides=2, padding="same", activation="relu")(image)
    x = Residual(filters, stride=spec.stride // 2)(x)
    for s in range(spec.stacks):
        final = s == spec.stacks - 1
        y = hourglass(x, 2)
        outputs = [head(y, h, final) for h in spec.heads]
        if not final:  # feed the guess of this stack back in
            x = KL.add([x, y, KL.Conv2D(filters, 1)(KL.concatenate(outputs))])
    return Model(image, outputs, name="hourglass_%d" % spec.stacks)

from keras import layers, ops

from .drop import DropPath
from .norm_act import ConvNormAct

__all__ = ["SqueezeExcite", "MBConv"]


class SqueezeExcite(layers.Layer):
    def __init__(self, ratio=0.25, act=None, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio
        self.act_layer = act

    def build(self, input_shape):
        ch = input_shape[-1]
        self.fc1 = layers.Dense(max(1, int(ch * self.ratio)), name="reduce")
        self.fc2 = layers.Dense(ch, activation="hard_sigmoid", name="expand")
        self.act = self.act_layer()
        self.fc1.build((None, ch))
        self.fc2.build((None, self.fc1.units))
        self.built = True

    def call(self, x):
        s = ops.mean(x, axis=(1, 2))
        s = self.fc2(self.act(self.fc1(s)))
        return x * s[:, None, None, :]


class MBConv(layers.Layer):
    expansion = 2

    def __init__(self, c_in, c_out, stride=1, norm=None, act=None, se_ratio=0.25, drop_path=0.0, **kwargs):
        super().__init__(**kwargs)
        mid = c_in * self.expansion
        self.expand = ConvNormAct(mid, 1, norm=norm, act=act)
        self.dw = ConvNormAct(mid, 3, stride, norm=norm, act=act, depthwise=True)
        self.se = SqueezeExcite(se_ratio, act) if se_ratio else None
        self.project = ConvNormAct(c_out, 1, norm=norm)
        self.use_res = stride == 1 and c_in == c_out
        self.drop_path = DropPath(drop_path)

    def call(self, x, training=None):
        h = self.dw(self.expand(x, training=training), training=training)
        if self.se is not None:
            h = self.se(h)
        h = self.project(h, training=training)
        return x + self.drop_path(h, training=training) if self.use_res else h

import keras
import numpy as np

from ..layers import ConvNormAct, MBConv, get_act, get_norm
from ..utils import BACKBONES

__all__ = ["MBNet"]


@BACKBONES.register("mbnet")
class MBNet(keras.Model):
    def __init__(self, stem, widths, depths, norm, act, se_ratio=0.25, drop_path_rate=0.0):
        super().__init__(name="backbone")
        norm, act = get_norm(**norm), get_act(act)
        self.stem = ConvNormAct(stem, 3, 2, norm=norm, act=act, name="stem")
        rates = iter(np.linspace(0, drop_path_rate, sum(depths)))
        self.stages = []
        c_in = stem
        for i, (w, d) in enumerate(zip(widths, depths)):
            stage = []
            for j in range(d):
                stride = 2 if j == 0 and i > 0 else 1
                stage.append(MBConv(c_in, w, stride, norm, act, se_ratio, next(rates), name=f"stage{i}_block{j}"))
                c_in = w
            self.stages.append(stage)

    def call(self, x, training=None):
        x = self.stem(x, training=training)
        feats = []
        for stage in self.stages:
            for block in stage:
                x = block(x, training=training)
            feats.append(x)
        return feats

    def set_drop_path(self, rate):
        for stage in self.stages:
            for block in stage:
                block.drop_path.rate = rate

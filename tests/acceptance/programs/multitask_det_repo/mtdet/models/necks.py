from keras import layers

from ..utils import NECKS

__all__ = ["FPN"]


@NECKS.register()
class FPN(layers.Layer):
    """returns the stride-4 map and the coarsest one"""

    def __init__(self, channels, n_levels=2, **kwargs):
        super().__init__(**kwargs)
        self.lateral = [layers.Conv2D(channels, 1, name=f"lat{i}") for i in range(n_levels)]
        self.smooth = layers.Conv2D(channels, 3, padding="same", activation="relu", name="smooth")
        self.up = layers.UpSampling2D()

    def call(self, feats):
        feats = feats[-len(self.lateral):]
        x = self.lateral[-1](feats[-1])
        for lat, f in zip(self.lateral[-2::-1], feats[-2::-1]):
            x = lat(f) + self.up(x)
        return self.smooth(x), feats[-1]

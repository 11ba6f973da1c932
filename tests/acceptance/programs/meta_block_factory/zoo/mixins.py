from keras import initializers, layers, ops


class NormMixin:
    def make_norm(self):
        self.norm = layers.LayerNormalization(epsilon=1e-6)


class LayerScaleMixin:
    layer_scale_init = 0.3

    def build(self, input_shape):
        super().build(input_shape)
        self.gamma = self.add_weight(
            shape=(input_shape[-1],),
            initializer=initializers.Constant(self.layer_scale_init),
            name="layer_scale",
        )

    def scale(self, x):
        return x * self.gamma


class TokenMixMixin:
    """runs `fn` over the token axis instead of over the channels"""

    def mix_tokens(self, x, fn):
        return ops.transpose(fn(ops.transpose(x, (0, 2, 1))), (0, 2, 1))

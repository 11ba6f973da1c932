from keras import layers, ops

from .mixins import LayerScaleMixin, NormMixin, TokenMixMixin
from .registry import BLOCKS, auto_config, block, prenorm, residual

ACTS = {"mixer": ops.gelu, "gated": ops.silu, "mlp": ops.relu}


def make_layer(kind):
    """Makes (and registers) the class of a residual block of this kind."""
    if kind in BLOCKS:
        return BLOCKS[kind]
    act = ACTS[kind]
    bases = [LayerScaleMixin, NormMixin, layers.Layer]
    if kind == "mixer":
        bases.insert(0, TokenMixMixin)

    class Block(*bases):
        def __init__(self, expansion=2, **kwargs):
            super().__init__(**kwargs)
            self.expansion = expansion
            self.make_norm()

        def build(self, input_shape):
            tokens, dim = input_shape[-2:]
            self.norm.build(input_shape)
            if kind == "mixer":
                self.token_up = layers.Dense(tokens * self.expansion)
                self.token_down = layers.Dense(tokens)
            self.up = layers.Dense(dim * self.expansion * (2 if kind == "gated" else 1))
            self.down = layers.Dense(dim)
            super().build(input_shape)

        @residual
        @prenorm()
        def call(self, x):
            if kind == "mixer":
                x = self.mix_tokens(x, lambda t: self.token_down(act(self.token_up(t))))
            h = self.up(x)
            if kind == "gated":
                h, gate = ops.split(h, 2, axis=-1)
                h = h * act(gate)
            else:
                h = act(h)
            return self.scale(self.down(h))

        def compute_output_shape(self, input_shape):
            return input_shape

    Block.__name__ = kind.capitalize() + "Block"
    Block.__qualname__ = Block.__name__
    return block(kind)(auto_config(Block))


@block("patchify")
@auto_config
class Patchify(layers.Layer):
    def __init__(self, patch, dim, **kwargs):
        super().__init__(**kwargs)
        self.patch, self.dim = patch, dim
        self.proj = layers.Conv2D(dim, patch, strides=patch)

    def call(self, img):
        x = self.proj(img)
        return ops.reshape(x, (-1, x.shape[1] * x.shape[2], self.dim))


# a class without a class statement
TokenPool = block("pool")(
    type(
        "TokenPool",
        (layers.Layer,),
        {
            "call": lambda self, x: ops.mean(x, axis=1) + ops.max(x, axis=1),
            "compute_output_shape": lambda self, s: (s[0], s[-1]),
        },
    )
)

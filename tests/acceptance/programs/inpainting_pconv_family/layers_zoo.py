"""Convolution / dense variants that the inpainting nets use."""
import keras
from keras import layers, ops


class PartialConv(keras.layers.Conv2D):
    """Conv2D over [features, mask]; returns [features, updated mask]."""

    def __init__(self, filters, kernel_size=3, strides=1, eps=1e-6, **kw):
        super().__init__(filters, kernel_size, strides=strides, padding="same", **kw)
        self.eps = eps
        self.input_spec = None

    def build(self, input_shape):
        feat_shape, mask_shape = input_shape
        super().build(feat_shape)
        self.input_spec = None  # Conv2D.build pins this to one 4D tensor, we are given two
        self.input_spec = None
        kh, kw_ = self.kernel_size
        self.window = kh * kw_ * mask_shape[-1]
        self.ones = ops.ones((kh, kw_, mask_shape[-1], 1))

    def call(self, inputs):
        x, mask = inputs
        strides = self.strides
        hits = ops.conv(ops.stop_gradient(mask), self.ones, strides=strides, padding="same")
        new_mask = ops.cast(hits > 0, x.dtype)
        ratio = self.window / (hits + self.eps) * new_mask
        out = ops.conv(x * mask, self.kernel, strides=strides, padding="same") * ratio
        out = out + self.bias * new_mask
        if self.activation is not None:
            out = self.activation(out)
        return [out, new_mask]

    def compute_output_shape(self, input_shape):
        if not isinstance(input_shape[0], (tuple, list)):  # called from Conv2D.build
            return super().compute_output_shape(input_shape)
        feat = super().compute_output_shape(input_shape[0])
        return [feat, tuple(feat[:-1]) + (1,)]


class WSDense(layers.Dense):
    """Weight-scaled dense (equalized learning rate). Only units and gain are settable."""

    def __init__(self, units, gain=2):
        super().__init__(units, kernel_initializer=keras.initializers.RandomNormal(0.0, 1.0))
        self.gain = gain

    def build(self, input_shape):
        super().build(input_shape)
        self.ws_scale = (self.gain / input_shape[-1]) ** 0.5

    def call(self, x):
        return ops.matmul(x, self.kernel * self.ws_scale) + self.bias


class EqualizedUpConv(layers.Conv2DTranspose):
    def __init__(self, filters, kernel_size=4, gain=2.0, lrmul=1.0, leak=0.2, **kwargs):
        kwargs["kernel_initializer"] = keras.initializers.RandomNormal(stddev=1.0 / lrmul)
        super().__init__(filters, kernel_size, strides=2, padding="same", **kwargs)
        self.gain, self.lrmul, self.leak = gain, lrmul, leak

    def build(self, input_shape):
        super().build(input_shape)
        fan_in = self.kernel_size[0] * self.kernel_size[1] * input_shape[-1]
        self.coef = self.lrmul * (self.gain / fan_in) ** 0.5

    def call(self, x):
        y = ops.conv_transpose(
            x, self.kernel * self.coef, strides=list(self.strides), padding=self.padding
        )
        return ops.leaky_relu(y + self.bias, self.leak)


class SpectralNorm(layers.Wrapper):
    """Divides the kernel of the wrapped layer by its largest singular value."""

    def __init__(self, layer, iters=1, **kwargs):
        super().__init__(layer, **kwargs)
        self.iters = iters

    def build(self, input_shape):
        super().build(input_shape)
        self.w = self.layer.kernel
        self.u = self.add_weight(
            shape=(1, self.w.shape[-1]), initializer="random_normal", trainable=False, name="sn_u"
        )

    def call(self, inputs, training=False):
        if training:
            self.normalize()
        return self.layer(inputs)

    def normalize(self):
        w = ops.reshape(self.w, (-1, self.w.shape[-1]))
        u = self.u
        for _ in range(self.iters):
            v = ops.normalize(ops.matmul(u, ops.transpose(w)), axis=-1)
            u = ops.normalize(ops.matmul(v, w), axis=-1)
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        sigma = ops.matmul(ops.matmul(v, w), ops.transpose(u))
        self.u.assign(u)
        self.w.assign(self.w / ops.squeeze(sigma))

import tensorflow as tf

from . import quant

__all__ = ["QDense", "QConv2D", "RangeTracker", "Prunable"]

layers = tf.keras.layers

class Prunable:
    # Mixin: owns ``mask``, hands a masked and quantized kernel to call
    instances = []
    structured = False

    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        plain = cls.call

        def call(self, x, *args, **kwargs):
            if self.mask is None:
                return plain(self, x, *args, **kwargs)
            w = self.kernel * self.mask
            top = tf.stop_gradient(tf.reduce_max(tf.abs(w))) + 1e-8
            return plain(self, x, quant.fake_quant(w, -top, top), *args, **kwargs)

        call.__doc__ = plain.__doc__   # not functools.wraps: keras looks at the signature
        cls.call = call

    def make_mask(self):
        Prunable.instances.append(self)
        self.mask = self.add_weight(name="mask", shape=self.kernel.shape, initializer="ones", trainable=False)

    def refresh(self, sparsity):
        mag = tf.abs(self.kernel.value)
        if self.structured:
            mag = tf.broadcast_to(tf.reduce_mean(mag, [0, 1, 2], keepdims=True), mag.shape)
        flat = tf.sort(tf.reshape(mag, [-1]))
        cut = flat[min(int(sparsity * len(flat)), len(flat) - 1)]
        self.mask.assign(tf.cast(mag >= cut, tf.float32))

    sparsity = property(lambda self: 1.0 - float(tf.reduce_mean(self.mask.value)))


class QDense(Prunable, layers.Dense):
    mask = None

    def build(self, shape):
        super().build(shape)
        self.make_mask()

    def call(self, x, kernel):
        return self.activation(tf.matmul(x, kernel) + self.bias)


class QConv2D(Prunable, layers.Layer):
    mask, structured = None, True

    def __init__(self, filters, size, *strides, post=tf.nn.relu):
        super().__init__()
        self.filters, self.size, self.post, self.strides = filters, size, post, strides or (1, 1)

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(self.size, self.size, shape[-1], self.filters),
                                      initializer="he_uniform")
        self.shift = self.add_weight(name="shift", shape=(self.filters,), initializer="zeros")
        self.make_mask()

    def call(self, x, kernel):
        return self.post(tf.nn.conv2d(x, kernel, list(self.strides), "SAME") + self.shift)


class RangeTracker(layers.Layer):
    """Moving min/max of activations, then fake quantization with one more bit."""

    def __init__(self, momentum=0.8):
        super().__init__()
        self.momentum = momentum
        self.lo, self.hi = (self.add_weight((), init, trainable=False) for init in ("zeros", "ones"))

    def call(self, x, training=False):
        if training:
            for v, f in ((self.lo, tf.reduce_min), (self.hi, tf.reduce_max)):
                v.assign(self.momentum * v + (1 - self.momentum) * f(x))
        return quant.fake_quant(x, tf.minimum(self.lo, 0.0), tf.maximum(self.hi, 1e-3), quant.get_bits() + 1)

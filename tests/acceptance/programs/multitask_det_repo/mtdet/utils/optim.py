import keras
import tensorflow as tf

__all__ = ["AGCAdam"]


def _unitwise_norm(x):
    if len(x.shape) <= 1:
        return tf.norm(x)
    return tf.sqrt(tf.reduce_sum(x ** 2, axis=list(range(len(x.shape) - 1)), keepdims=True))


class AGCAdam(keras.optimizers.Adam):
    """Adam with adaptive gradient clipping (NFNet)."""

    def __init__(self, learning_rate=1e-3, clip_factor=0.01, eps=1e-3, name="agc_adam", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.clip_factor = clip_factor
        self.agc_eps = eps

    def apply(self, grads, trainable_variables=None):
        params = trainable_variables if trainable_variables is not None else self._trainable_variables
        clipped = []
        for g, p in zip(grads, params):
            if g is not None:
                max_norm = tf.maximum(_unitwise_norm(tf.convert_to_tensor(p)), self.agc_eps) * self.clip_factor
                gn = _unitwise_norm(g)
                g = tf.where(gn < max_norm, g, g * (max_norm / tf.maximum(gn, 1e-6)))
            clipped.append(g)
        return super().apply(clipped, trainable_variables)

    def get_config(self):
        config = super().get_config()
        config.update(clip_factor=self.clip_factor)
        return config

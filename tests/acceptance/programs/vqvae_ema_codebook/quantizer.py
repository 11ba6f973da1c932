import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


class VectorQuantizerEMA(layers.Layer):
    """van den Oord et al. 2017, appendix A.1.  Codebook is (D, K), as in sonnet."""

    def __init__(self, num_embeddings, embedding_dim, beta=0.25, decay=0.99, eps=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.K = num_embeddings
        self.D = embedding_dim
        self.beta = beta
        self.decay = decay
        self.eps = eps

        w_init = tf.random_uniform_initializer(-1.0, 1.0, seed=3)
        self.embeddings = self.add_weight(
            shape=(self.D, self.K), initializer=lambda shape, dtype=None: w_init(shape=shape, dtype="float32"),
            trainable=False, name="codebook")
        self.cluster_size = self.add_weight(
            shape=(self.K,), initializer="zeros", trainable=False, name="ema_cluster_size")
        self.dw = self.add_weight(
            shape=(self.D, self.K), initializer="zeros", trainable=False, name="ema_dw")
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="ema_steps")
        self.perplexity = keras.metrics.Mean(name="perplexity")

    def call(self, x, training=False):
        input_shape = tf.shape(x)
        flat = tf.reshape(x, [-1, self.D])

        idx = self.get_code_indices(flat)
        onehot = tf.one_hot(idx, self.K)
        quantized = tf.matmul(onehot, self.embeddings, transpose_b=True)
        quantized = tf.reshape(quantized, input_shape)

        if training:
            self._ema_update(flat, onehot)
            probs = tf.reduce_mean(onehot, 0)
            self.perplexity.update_state(tf.exp(-tf.reduce_sum(probs * tf.math.log(probs + 1e-10))))

        commitment = tf.reduce_mean((tf.stop_gradient(quantized) - x) ** 2)
        self.add_loss(self.beta * commitment)

        # straight-through
        return x + tf.stop_gradient(quantized - x)

    def _ema_update(self, flat, onehot):
        flat = tf.stop_gradient(flat)
        self.steps.assign_add(1.0)
        debias = 1.0 - tf.pow(self.decay, self.steps)
        self.cluster_size.assign(self.cluster_size * self.decay + (1 - self.decay) * tf.reduce_sum(onehot, 0))
        self.dw.assign(self.dw * self.decay + (1 - self.decay) * tf.matmul(flat, onehot, transpose_a=True))
        size = self.cluster_size / debias
        n = tf.reduce_sum(size)
        size = (size + self.eps) / (n + self.K * self.eps) * n
        used = tf.cast(size > 1e-2, tf.float32)
        fresh = self.dw / debias / size[None, :]
        self.embeddings.assign(used * fresh + (1.0 - used) * self.embeddings)

    def get_code_indices(self, flat):
        distances = (
            tf.reduce_sum(flat ** 2, axis=1, keepdims=True)
            + tf.reduce_sum(self.embeddings ** 2, axis=0)
            - 2 * tf.matmul(flat, self.embeddings)
        )
        return tf.argmin(distances, axis=1)

import tensorflow as tf
from tensorflow.keras import layers


class MyMHA(layers.MultiHeadAttention):
    """MultiHeadAttention + a learned bias for each head and (clipped) relative distance."""

    def __init__(self, *args, max_distance=16, **kwargs):
        super().__init__(*args, **kwargs)
        self.max_distance = max_distance

    def build(self, query_shape, value_shape, key_shape=None):
        super().build(query_shape, value_shape, key_shape)
        self.rel_bias = self.add_weight(
            name="rel_bias",
            shape=(2 * self.max_distance + 1, self._num_heads),
            initializer="random_normal",
            trainable=True,
        )

    def _relative_bias(self, q_len, k_len):
        dist = tf.range(k_len)[None, :] - tf.range(q_len)[:, None]
        dist = tf.clip_by_value(dist, -self.max_distance, self.max_distance)
        bias = tf.gather(self.rel_bias, dist + self.max_distance)   # T, S, H
        return tf.transpose(bias, [2, 0, 1])[None]

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, *args):
        q_len, k_len = tf.shape(query)[1], tf.shape(key)[1]
        scores = tf.einsum("btnh,bsnh->bnts", query * self._inverse_sqrt_key_dim, key)
        scores += tf.cast(self._relative_bias(q_len, k_len), scores.dtype)
        causal = tf.linalg.band_part(tf.ones((q_len, k_len), tf.bool), -1, 0)
        mask = causal[None, None]
        if attention_mask is not None:
            mask = mask & tf.cast(attention_mask, tf.bool)[:, None]
        scores = self._softmax(scores, mask=tf.broadcast_to(mask, tf.shape(scores)))
        scores = self._dropout_layer(scores, training=training)
        return tf.einsum("bnts,bsnh->btnh", scores, value), scores


class Block(layers.Layer):
    def __init__(self, d_model, heads, ff, max_distance, dropout, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mha = MyMHA(heads, d_model // heads, dropout=dropout, max_distance=max_distance)
        self.ff1 = layers.Dense(ff, activation="relu")
        self.ff2 = layers.Dense(d_model)
        self.norm1, self.norm2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.drop = layers.Dropout(dropout)

    def call(self, x, training=False):
        h = self.norm1(x)
        x = x + self.mha(h, h, training=training)
        h = self.ff2(self.ff1(self.norm2(x)))
        return x + self.drop(h, training=training)

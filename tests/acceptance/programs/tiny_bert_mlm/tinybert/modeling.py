import dataclasses
import json
import math

import tensorflow as tf


def gelu_new(x):
    return 0.5 * x * (1.0 + tf.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * tf.pow(x, 3))))


ACT2FN = {"gelu_new": gelu_new, "relu": tf.nn.relu, "swish": tf.nn.silu}


@dataclasses.dataclass(frozen=True)
class BertConfig:
    vocab_size: int
    hidden_size: int = 32
    num_layers: int = 2
    num_heads: int = 2
    intermediate_size: int = 64
    max_len: int = 16
    hidden_act: str = "relu"
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.05

    @classmethod
    def from_json(cls, path, **overrides):
        return cls(**{**json.load(open(path)), **overrides})


def get_initializer(config):
    return tf.keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class BertEmbeddings(tf.keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        init = dict(initializer=get_initializer(config))
        self.word = self.add_weight(name="word", shape=(config.vocab_size, config.hidden_size), **init)
        self.position = self.add_weight(name="position", shape=(config.max_len, config.hidden_size), **init)
        self.segment = self.add_weight(name="segment", shape=(2, config.hidden_size), **init)
        self.LayerNorm = tf.keras.layers.LayerNormalization(epsilon=config.layer_norm_eps)

    def call(self, input_ids, segment_ids):
        x = tf.gather(self.word, input_ids) + tf.gather(self.segment, segment_ids)
        return self.LayerNorm(x + self.position[None, : tf.shape(input_ids)[1]])


class BertLayer(tf.keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        init, h = get_initializer(config), config.hidden_size
        self.attention = tf.keras.layers.MultiHeadAttention(config.num_heads, h // config.num_heads, kernel_initializer=init)
        self.up = tf.keras.layers.Dense(config.intermediate_size, ACT2FN[config.hidden_act], kernel_initializer=init)
        self.down = tf.keras.layers.Dense(h, kernel_initializer=init)
        self.norms = tuple(tf.keras.layers.LayerNormalization(epsilon=config.layer_norm_eps) for _ in range(2))

    def call(self, x, attention_mask):
        x = self.norms[0](x + self.attention(x, x, attention_mask=attention_mask))
        return self.norms[1](x + self.down(self.up(x)))


class BertForMaskedLM(tf.keras.Model):
    def __init__(self, config: BertConfig, tokenizer, **kwargs):
        super().__init__(**kwargs)
        assert len(tokenizer) == config.vocab_size
        self.config, self.tokenizer = config, tokenizer
        self.embeddings = BertEmbeddings(config, name="embeddings")
        self.encoder = [BertLayer(config, name=f"layer_._{i}") for i in range(config.num_layers)]
        self.transform = tf.keras.layers.Dense(config.hidden_size, ACT2FN[config.hidden_act])
        self.bias = self.add_weight(name="bias", shape=(config.vocab_size,), initializer="zeros")

    def call(self, inputs):
        ids = inputs["input_ids"]
        mask = tf.not_equal(ids, self.tokenizer.pad_id)[:, None, :]
        x = self.embeddings(ids, inputs["segment_ids"])
        for layer in self.encoder:
            x = layer(x, attention_mask=mask)
        return tf.matmul(self.transform(x), self.embeddings.word, transpose_b=True) + self.bias

    def fill(self, text):
        ids = tf.constant([self.tokenizer.encode(text, self.config.max_len)])
        best = tf.argmax(self({"input_ids": ids, "segment_ids": tf.zeros_like(ids)}), -1, tf.int32)
        return self.tokenizer.decode(tf.where(ids == self.tokenizer.mask_id, best, ids)[0].numpy())

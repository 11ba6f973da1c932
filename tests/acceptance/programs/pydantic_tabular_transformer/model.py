import keras
from keras import layers, ops

from settings import DataSettings, ModelSettings, Settings


class FeatureTokenizer(layers.Layer):
    """Every feature becomes a vector; a [CLS] vector comes first."""

    def __init__(self, data: DataSettings, width: int):
        super().__init__(name="tokenizer")
        self.data = data
        self.width = width
        self.scalers = {n: layers.Normalization(axis=None, name=f"{n}_scale") for n in data.numeric}
        self.embeddings = {
            n: layers.Embedding(size, width, name=f"{n}_embedding")
            for n, size in data.categorical.items()
        }

    def adapt(self, frame):
        for name, scaler in self.scalers.items():
            scaler.adapt(frame[name].to_numpy("float32"))

    def build(self, input_shape):
        shape = (len(self.data.numeric), self.width)
        uniform = keras.initializers.RandomUniform(-0.3, 0.3)
        self.weight = self.add_weight(shape=shape, initializer=uniform, name="weight")
        self.bias = self.add_weight(shape=(self.data.n_tokens, self.width), initializer="zeros", name="bias")
        self.cls = self.add_weight(shape=(1, 1, self.width), initializer=uniform, name="cls")
        for embedding in self.embeddings.values():
            embedding.build((None,))

    def call(self, inputs):
        numbers = ops.stack([self.scalers[n](inputs[n]) for n in self.data.numeric], axis=1)
        tokens = [ops.expand_dims(numbers, -1) * self.weight]
        tokens += [ops.expand_dims(self.embeddings[n](inputs[n]), 1) for n in self.data.categorical]
        cls = ops.tile(self.cls, (ops.shape(numbers)[0], 1, 1))
        return ops.concatenate([cls, *tokens], axis=1) + self.bias


class Block(layers.Layer):
    def __init__(self, hp: ModelSettings, first: bool):
        super().__init__()
        self.hp = hp
        hidden = int(hp.d_token * hp.ffn_factor)
        self.attention = layers.MultiHeadAttention(hp.heads, hp.d_token // hp.heads)
        self.norm_attention = None if first else layers.LayerNormalization()
        self.norm_ffn = layers.LayerNormalization()
        self.up = layers.Dense(hidden * (2 if hp.gated else 1))
        self.down = layers.Dense(hp.d_token)

    def activate(self, x):
        if self.hp.gated:
            a, gate = ops.split(x, 2, axis=-1)
            return a * ops.relu(gate)
        return keras.activations.get(self.hp.activation)(x)

    def call(self, x):
        h = x if self.norm_attention is None else self.norm_attention(x)
        x = x + self.attention(h, h)
        return x + self.down(self.activate(self.up(self.norm_ffn(x))))


class FTTransformer(keras.Model):
    def __init__(self, settings: Settings):
        super().__init__()
        self.settings = settings
        self.tokenizer = FeatureTokenizer(settings.data, settings.model.d_token)
        self.blocks = [Block(settings.model, first=i == 0) for i in range(settings.model.n_blocks)]
        self.head = keras.Sequential([layers.LayerNormalization(), layers.ReLU(), layers.Dense(1)])

    def call(self, inputs):
        x = self.tokenizer(inputs)
        for block in self.blocks:
            x = block(x)
        return ops.sigmoid(self.head(x[:, 0]))

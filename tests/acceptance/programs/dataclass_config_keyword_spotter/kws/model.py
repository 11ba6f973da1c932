import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from .config import Config, EncoderConfig, FrontendConfig, Pooling


class LogMel(layers.Layer):
    def __init__(self, cfg: FrontendConfig, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.cfg = cfg
        self.mel = tf.signal.linear_to_mel_weight_matrix(
            num_mel_bins=cfg.n_mels,
            num_spectrogram_bins=cfg.fft_length // 2 + 1,
            sample_rate=cfg.sample_rate,
            lower_edge_hertz=cfg.fmin,
            upper_edge_hertz=cfg.sample_rate / 2,
        )

    def call(self, audio):
        stft = tf.signal.stft(
            audio, self.cfg.frame_length, self.cfg.frame_step, fft_length=self.cfg.fft_length
        )
        mel = tf.abs(stft) ** 2 @ self.mel
        return self.cfg.compression.apply(mel)


class SeparableBlock(layers.Layer):
    def __init__(self, channels, cfg: EncoderConfig, **kwargs):
        super().__init__(**kwargs)
        self.depthwise = layers.DepthwiseConv1D(cfg.kernel, strides=2, padding="same")
        self.pointwise = layers.Conv1D(channels, 1)
        self.norm = layers.BatchNormalization(momentum=0.8)

    def call(self, x, training=False):
        x = self.pointwise(self.depthwise(x))
        return tf.nn.relu(self.norm(x, training=training))


class AttentionPool(layers.Layer):
    def build(self, shape):
        self.score = self.add_weight(name="score", shape=(shape[-1], 1))

    def call(self, x):
        return tf.reduce_sum(x * tf.nn.softmax(x @ self.score, axis=1), axis=1)


POOLERS = {
    Pooling.MEAN: layers.GlobalAveragePooling1D,
    Pooling.MAX: layers.GlobalMaxPooling1D,
    Pooling.ATTENTION: AttentionPool,
}


class KeywordSpotter(keras.Model):
    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.frontend = LogMel(config.frontend)
        self.blocks = [SeparableBlock(c, config.encoder) for c in config.encoder.channels]
        self.pool = POOLERS[config.encoder.pooling]()
        self.classify = layers.Dense(len(config.labels))

    def call(self, audio, training=False):
        x = self.frontend(audio)
        for block in self.blocks:
            x = block(x, training=training)
        return self.classify(self.pool(x))

    def get_config(self):
        return self.config.to_dict()

    def label_of(self, logits):
        return [self.config.labels[i] for i in tf.argmax(logits, -1)]

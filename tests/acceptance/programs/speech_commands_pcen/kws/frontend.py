import enum

import numpy as np
import tensorflow as tf

SR = 4000
FRAME, HOP, NFFT = 128, 64, 128
N_MELS = 20
EPS = np.float32(1e-5)


def _hz2mel(f):
    return 2595.0 * np.log10(1.0 + np.asarray(f) / 700.0)


def _mel2hz(m):
    return 700.0 * (10.0 ** (np.asarray(m) / 2595.0) - 1.0)


def mel_matrix(n_mels=N_MELS, lo=60.0, hi=SR / 2):
    freqs = np.linspace(0, SR / 2, NFFT // 2 + 1)
    edges = _mel2hz(np.linspace(_hz2mel(lo), _hz2mel(hi), n_mels + 2))
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    up = (freqs[:, None] - lower) / (center - lower)
    down = (upper - freqs[:, None]) / (upper - center)
    return np.maximum(0.0, np.minimum(up, down)).astype(np.float32)


MEL = mel_matrix()
# Hamming with the odd constants of the old C front-end
WINDOW = (0.53836 - 0.46164 * np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1))).astype(np.float32)


class Compression(enum.Enum):
    LOG = "log"
    ROOT = "root"
    PCEN = "pcen"

    @property
    def trainable(self):
        return self is Compression.PCEN


class MelEnergies(tf.keras.layers.Layer):
    """waveform (B, T) -> (B, frames, mels)"""

    window_fn = staticmethod(lambda length, dtype: tf.cast(WINDOW, dtype))

    def call(self, wav):
        wav = wav - tf.reduce_mean(wav, axis=-1, keepdims=True)
        wav = tf.concat([wav[:, :1], wav[:, 1:] - 0.97 * wav[:, :-1]], axis=1)
        spec = tf.signal.stft(wav, FRAME, HOP, NFFT, window_fn=self.window_fn)
        return tf.tensordot(tf.math.square(tf.abs(spec)), MEL, 1)

    def compute_output_shape(self, s):
        return (s[0], 1 + (s[1] - FRAME) // HOP, N_MELS)


class Compress(tf.keras.layers.Layer):
    def __init__(self, how=Compression.PCEN):
        super().__init__(name="compress_" + how.value, trainable=how.trainable)
        self.how = how

    def build(self, shape):
        if self.how is Compression.PCEN:
            const = tf.keras.initializers.Constant
            n = shape[-1]
            self.s = self.add_weight(name="s", shape=(n,), initializer=const(0.1),
                                     constraint=lambda w: tf.clip_by_value(w, 0.01, 0.9))
            self.alpha = self.add_weight(name="alpha", shape=(n,), initializer=const(0.8))
            self.delta = self.add_weight(name="delta", shape=(n,), initializer=const(2.0))
            self.r = self.add_weight(name="r", shape=(n,), initializer=const(0.5))

    def call(self, e):
        if self.how is Compression.LOG:
            return tf.math.log(e + EPS)
        elif self.how is Compression.ROOT:
            return tf.pow(e + EPS, 1 / 3)
        t = tf.transpose(e, (1, 0, 2))
        m = tf.scan(lambda prev, cur: (1 - self.s) * prev + self.s * cur, t[1:], initializer=t[0])
        m = tf.transpose(tf.concat([t[:1], m], 0), (1, 0, 2))
        smooth = tf.exp(-self.alpha * tf.math.log(m + EPS))
        return (e * smooth + self.delta) ** self.r - self.delta ** self.r

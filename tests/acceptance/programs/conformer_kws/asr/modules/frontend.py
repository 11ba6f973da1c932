import keras
import numpy as np
import tensorflow as tf

from ..registry import BLOCKS

SAMPLE_RATE = 4000
N_FFT = 128
HOP = 64
N_MELS = 20


def _mel_matrix(n_mels, n_bins, sr):
    hz2mel = lambda f: 2595.0 * np.log10(1.0 + f / 700.0)
    mel2hz = lambda m: 700.0 * (10.0 ** (m / 2595.0) - 1.0)
    pts = mel2hz(np.linspace(hz2mel(20.0), hz2mel(sr / 2), n_mels + 2))
    freqs = np.linspace(0, sr / 2, n_bins)
    lower, center, upper = pts[:-2, None], pts[1:-1, None], pts[2:, None]
    up = (freqs - lower) / (center - lower)
    down = (upper - freqs) / (upper - center)
    return np.maximum(0.0, np.minimum(up, down)).T.astype(np.float32)


MEL = _mel_matrix(N_MELS, N_FFT // 2 + 1, SAMPLE_RATE)


@BLOCKS.register("logmel")
class LogMel(keras.layers.Layer):
    def __init__(self, eps=1e-5, **kw):
        super().__init__(trainable=False, **kw)
        self.eps = eps
        self.window_fn = tf.signal.hann_window

    def call(self, wav):
        spec = tf.abs(tf.signal.stft(wav, N_FFT, HOP, N_FFT, window_fn=self.window_fn))
        mel = tf.math.log(tf.matmul(spec, MEL) + self.eps)
        mean = tf.reduce_mean(mel, axis=1, keepdims=True)
        return mel - mean


@BLOCKS.register("specaugment")
class SpecAugment(keras.layers.Layer):
    def __init__(self, freq_masks=1, freq_width=4, time_masks=1, time_width=8, **kw):
        super().__init__(**kw)
        self.freq_masks, self.freq_width = freq_masks, freq_width
        self.time_masks, self.time_width = time_masks, time_width

    @staticmethod
    def _mask(x, axis, width):
        b = tf.shape(x)[0]
        size = tf.shape(x)[axis]
        w = tf.random.uniform([b, 1], 0, width, dtype=tf.int32)
        start = tf.random.uniform([b, 1], 0, size - width, dtype=tf.int32)
        r = tf.range(size)[None]
        keep = tf.cast(~((r >= start) & (r < start + w)), x.dtype)
        return x * tf.expand_dims(keep, 2 if axis == 1 else 1)

    def call(self, x, training=False):
        if not training:
            return x
        for _ in range(self.freq_masks):
            x = self._mask(x, 2, self.freq_width)
        for _ in range(self.time_masks):
            x = self._mask(x, 1, self.time_width)
        return x

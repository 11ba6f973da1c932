import tensorflow as tf
from tensorflow.keras.layers import Layer

from params import hp


class STFT(Layer):
    """Waveform (batch, samples) -> magnitudes (batch, frames, bins)."""

    def __init__(self, frame_length, frame_step, fft_length=None, window_fn=tf.signal.hann_window, **kwargs):
        super(STFT, self).__init__(**kwargs)
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.fft_length = fft_length or frame_length
        self.window_fn = window_fn

    def call(self, waveforms):
        spectrograms = tf.signal.stft(
            waveforms, self.frame_length, self.frame_step, self.fft_length, window_fn=self.window_fn, pad_end=False
        )
        return tf.abs(spectrograms)


class LogMel(Layer):
    """Magnitudes -> log mel energies, normalised per clip."""

    def build(self, input_shape):
        self.mel_filterbank = tf.signal.linear_to_mel_weight_matrix(
            num_mel_bins=hp.n_mels,
            num_spectrogram_bins=input_shape[-1],
            sample_rate=hp.sample_rate,
            lower_edge_hertz=hp.mel_min_hz,
            upper_edge_hertz=hp.mel_max_hz,
        )
        super().build(input_shape)

    def call(self, magnitudes):
        mel = tf.matmul(tf.square(magnitudes), self.mel_filterbank)
        log_mel = tf.math.log(mel + hp.log_offset)
        mean, var = tf.nn.moments(log_mel, axes=[1, 2], keepdims=True)
        return (log_mel - mean) * tf.math.rsqrt(var + 1e-6)

from tensorflow import keras
from tensorflow.keras import layers as L

from features import STFT, LogMel
from params import hp


def conv1d(filters, size, dilation=1, name=None):
    return L.Conv1D(filters, size, dilation_rate=dilation, padding="causal", name=name)


def wavenet_block(x, filters, size, dilation, name):
    """Gated activation unit. Returns what goes on and what goes to the output."""
    f = conv1d(filters, size, dilation, name=f"{name}_filter")(x)
    g = conv1d(filters, size, dilation, name=f"{name}_gate")(x)
    z = L.Multiply(name=f"{name}_z")([L.Activation("tanh")(f), L.Activation("sigmoid")(g)])
    skip = conv1d(filters, 1, name=f"{name}_skip")(z)
    res = L.Add(name=f"{name}_res")([skip, x])
    return res, skip


def build_model():
    waveform = keras.Input(shape=(hp.clip_samples,), name="waveform")
    x = STFT(hp.frame_length, hp.frame_step, name="stft")(waveform)
    x = LogMel(name="logmel")(x)
    x = conv1d(hp.filters, 2, name="entry")(x)

    skips = []
    for s in range(hp.stacks):
        for d in hp.dilations:
            x, skip = wavenet_block(x, hp.filters, 2, d, name=f"s{s}_d{d}")
            skips.append(skip)

    x = L.Activation("relu")(L.Add(name="skips")(skips))
    x = L.Activation("relu")(conv1d(hp.filters, 1)(x))
    x = L.GlobalMaxPooling1D()(x)
    logits = L.Dense(len(hp.classes), name="logits")(x)
    return keras.Model(waveform, logits, name="wavenet_classifier")

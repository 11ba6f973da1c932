import keras
from keras import layers


def conv_bn(filters, strides):
    return [
        layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]


def get_encoder(size, widths=(8, 16)):
    return keras.Sequential(
        [keras.Input((size, size, 1))]
        + [layer for w in widths for layer in conv_bn(w, 2)]
        + [layers.GlobalAveragePooling2D()],
        name="encoder",
    )


def get_mlp_head(d_in, d_hidden, d_out, name):
    """The same form for the projector and the predictor."""
    return keras.Sequential(
        [
            keras.Input((d_in,)),
            layers.Dense(d_hidden, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dense(d_out, use_bias=False),
        ],
        name=name,
    )

from functools import partial

from tensorflow.keras.models import Model
from tensorflow.keras.layers import *

Conv = partial(Conv2D, kernel_size=3, padding="same", kernel_initializer="he_normal")
BN = partial(BatchNormalization, momentum=0.6)  # few steps per epoch


def conv_block(inputs, num_filters, n_convs=1, batchnorm=True):
    x = inputs
    for _ in range(n_convs):
        x = Conv(num_filters)(x)
        if batchnorm:
            x = BN()(x)
        x = Activation("relu")(x)
    return x


def encoder_block(inputs, num_filters):
    x = conv_block(inputs, num_filters)
    p = MaxPool2D((2, 2))(x)
    return x, p


def decoder_block(inputs, skip_features, num_filters):
    x = Conv2DTranspose(num_filters, 2, strides=2, padding="same")(inputs)
    x = Concatenate()([x, skip_features])
    x = conv_block(x, num_filters)
    return x


def build_unet(input_shape, n_classes=1, base=8):
    inputs = Input(input_shape)

    s1, p1 = encoder_block(inputs, base)
    s2, p2 = encoder_block(p1, base * 2)

    b1 = conv_block(p2, base * 4)  # Bridge

    d1 = decoder_block(b1, s2, base * 2)
    d2 = decoder_block(d1, s1, base)

    if n_classes == 1:
        activation = "sigmoid"
    else:
        activation = "softmax"
    outputs = Conv2D(n_classes, 1, padding="same", activation=activation)(d2)
    return Model(inputs, outputs, name="U-Net")

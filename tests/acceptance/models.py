"""Small models over custom Keras layers that other people wrote and published.

Every builder imports its package itself, so that this module imports anywhere. `SAMPLES` maps a name to a `Sample`:
the distributions whose source must travel in the bundle, the modules that must be absent where it is loaded, and the
builder, which returns the model and one batch of inputs. Seeds are fixed before a builder runs (`Sample.build`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: a model and what it is called with: an array, or a list or dict of arrays
Built = tuple[Any, Any]

SEED = 20240607
SAMPLES: dict[str, Sample] = {}


@dataclass(frozen=True, slots=True)
class Sample:
    """One model: `distributions` to pack as source, `modules` that the loading side must lack, and what it shows.

    `broken` is part of the error that the package itself causes, with Keras alone as well.
    """

    name: str
    distributions: tuple[str, ...]
    modules: tuple[str, ...]
    shows: str
    builder: Callable[[], Built]
    broken: str = ""

    def build(self) -> Built:
        """Return the model and its inputs; twice in two processes gives equal weights and equal inputs."""
        import keras

        keras.utils.set_random_seed(SEED)
        return self.builder()


def sample(
    *distributions: str, modules: str, shows: str, broken: str = ""
) -> Callable[[Callable[[], Built]], Callable[[], Built]]:
    """Register the decorated builder under its own name; `modules` are import names, separated by spaces."""

    def register(builder: Callable[[], Built]) -> Callable[[], Built]:
        name = builder.__name__
        SAMPLES[name] = Sample(name, distributions, tuple(modules.split()), shows, builder, broken)
        return builder

    return register


def floats(*shape: int) -> np.ndarray:
    """Return an array of `shape` from a standard normal with a fixed seed."""
    return np.random.default_rng(SEED).normal(size=shape).astype("float32")


def integers(high: int, *shape: int) -> np.ndarray:
    """Return an int32 array of `shape` below `high` from a fixed seed."""
    return np.random.default_rng(SEED).integers(0, high, size=shape, dtype="int32")


def fitted(model: Any, x: Any, y: Any, loss: Any, *, optimizer: Any = "adam", metrics: Any = None) -> Built:
    """Compile `model`, train it on one batch, and return it with its inputs."""
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=False)
    model.fit(x, y, epochs=1, batch_size=len(y), verbose=0)
    return model, x


# --- quantised networks -----------------------------------------------------------------------------------------


@sample("HGQ2", "quantizers", modules="hgq quantizers", shows="Sequential, trainable quantizers, custom regularizers")
def hgq2_dense() -> Built:
    import keras
    from hgq.config import LayerConfigScope, QuantizerConfigScope
    from hgq.layers import QDense

    with (
        QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM"),
        QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP"),
        LayerConfigScope(enable_ebops=True, beta0=1e-5),
    ):
        model = keras.Sequential([keras.Input((6,)), QDense(8, activation="relu"), QDense(3)])
    return fitted(model, floats(8, 6), floats(8, 3), "mse")


@sample("HGQ2", "quantizers", modules="hgq quantizers", shows="functional, quantised convolution and softmax")
def hgq2_conv() -> Built:
    import keras
    from hgq.layers import QConv2D, QDense, QSoftmax

    image = keras.Input((8, 8, 2))
    hidden = keras.layers.Flatten()(QConv2D(4, 3, strides=2, activation="relu")(image))
    model = keras.Model(image, QSoftmax()(QDense(5)(hidden)))
    return fitted(model, floats(4, 8, 8, 2), integers(5, 4), "sparse_categorical_crossentropy")


# --- sequences --------------------------------------------------------------------------------------------------


@sample("keras-tcn", modules="tcn", shows="layer that builds sublayers in build(), dilation list")
def tcn_residual() -> Built:
    import keras
    from tcn import TCN

    steps = keras.Input((12, 3))
    hidden = TCN(nb_filters=6, kernel_size=2, dilations=(1, 2, 4), use_layer_norm=True)(steps)
    model = keras.Model(steps, keras.layers.Dense(1)(hidden))
    return fitted(model, floats(4, 12, 3), floats(4, 1), "mse")


@sample("ncps", modules="ncps", shows="custom RNN with a wiring object in its config")
def ncps_cfc_wired() -> Built:
    import keras
    from ncps.keras import CfC
    from ncps.wirings import AutoNCP

    steps = keras.Input((5, 3))
    model = keras.Model(steps, CfC(AutoNCP(10, 2), return_sequences=True)(steps))
    return fitted(model, floats(4, 5, 3), floats(4, 5, 2), "mse")


@sample("ncps", modules="ncps", shows="custom RNN cell, plain units, registered activation function")
def ncps_cfc_units() -> Built:
    import keras
    from ncps.keras import CfC

    steps = keras.Input((5, 3))
    hidden = CfC(6, backbone_units=8, mixed_memory=True)(steps)
    model = keras.Model(steps, keras.layers.Dense(2)(hidden))
    return fitted(model, floats(4, 5, 3), floats(4, 2), "mse")


@sample("ncps", modules="ncps", shows="liquid time-constant cell over a wiring")
def ncps_ltc() -> Built:
    import keras
    from ncps.keras import LTC

    steps = keras.Input((4, 3))
    model = keras.Model(steps, LTC(5)(steps))
    return model, floats(3, 4, 3)


@sample("tkan", "keras-efficient-kan", modules="tkan keras_efficient_kan", shows="RNN whose cell uses another package")
def tkan_recurrent() -> Built:
    import keras
    from tkan import TKAN

    model = keras.Sequential([keras.Input((6, 2)), TKAN(4, return_sequences=False), keras.layers.Dense(1)])
    return fitted(model, floats(4, 6, 2), floats(4, 1), "mse")


@sample("keras-efficient-kan", modules="keras_efficient_kan", shows="Sequential, custom initializer")
def kan_linear() -> Built:
    import keras
    from keras_efficient_kan import KANLinear

    model = keras.Sequential([keras.Input((4,)), KANLinear(6, grid_size=4), KANLinear(1, use_layernorm=False)])
    return fitted(model, floats(8, 4), floats(8, 1), "mse")


@sample("mingru-keras", modules="mingru_keras", shows="layer of 50 lines, no get_config")
def mingru() -> Built:
    import keras
    from mingru_keras import MinGRU

    model = keras.Sequential([keras.Input((6, 3)), MinGRU(4), keras.layers.Dense(1)])
    return model, floats(4, 6, 3)  # its shapes are unknown inside fit()


@sample("keras-climate", modules="keras_climate", shows="forecasting model from a function, unregistered layer")
def climate_dlinear() -> Built:
    from keras_climate.forecasting.dlinear import DLinear

    model = DLinear(seq_len=12, pred_len=4, num_channels=2, kernel_size=3)
    return fitted(model, floats(4, 12, 2), floats(4, 4, 2), "mse")


@sample("keras-climate", modules="keras_climate", shows="Fourier operator layer, several weights in one layer")
def climate_afno() -> Built:
    import keras
    from keras_climate.operators import AFNO2D

    field = keras.Input((8, 8, 4))
    model = keras.Model(field, keras.layers.Conv2D(1, 1)(AFNO2D(4, num_blocks=2)(field)))
    return model, floats(2, 8, 8, 4)


# --- graphs -----------------------------------------------------------------------------------------------------


@sample("spektral", modules="spektral", shows="graph layers, two inputs, masks, many sub-packages")
def spektral_gcn() -> Built:
    import keras
    from spektral.layers import GCNConv, GlobalSumPool, GraphMasking

    nodes, adjacency = keras.Input((5, 4)), keras.Input((5, 5))
    # Keras 3 passes a list of masks, and spektral's convolutions then want one that is not None.
    hidden = GCNConv(6, activation="relu")([GraphMasking()(nodes), adjacency])
    model = keras.Model([nodes, adjacency], keras.layers.Dense(2)(GlobalSumPool()(hidden)))
    return model, [np.abs(floats(4, 5, 4)), np.ones((4, 5, 5), "float32")]


@sample(
    "spektral",
    modules="spektral",
    shows="pooling layer whose build() does not build its sublayers",
    broken="Layer 'attn_layer' was never built",
)
def spektral_pooling() -> Built:
    import keras
    from spektral.layers import GlobalAttentionPool

    model = keras.Sequential([keras.Input((5, 3)), GlobalAttentionPool(4), keras.layers.Dense(2)])
    return fitted(model, floats(4, 5, 3), floats(4, 2), "mse")


@sample(
    "kgcnn",
    modules="kgcnn",
    shows="graph network from a literature function; get_config() of its Embedding leaves its arguments out",
    broken="Embedding.__init__() missing 2 required positional arguments",
)
def kgcnn_gcn() -> Built:
    from kgcnn.literature.GCN import make_model

    model = make_model(
        input_node_embedding={"input_dim": 10, "output_dim": 6},
        gcn_args={"units": 8, "use_bias": True, "activation": "relu", "pooling_method": "sum"},
        depth=1,
        verbose=0,
        output_mlp={"use_bias": [True, False], "units": [4, 1], "activation": ["relu", "sigmoid"]},
    )
    batch, nodes = 2, 3
    edges = np.array([[[0, 1], [1, 2], [2, 0]]] * batch, "int64")
    return model, [
        integers(10, batch, nodes).astype("int64"),
        np.ones((batch, nodes, 1), "float32"),
        edges,
        np.full((batch,), nodes, "int64"),
        np.full((batch,), nodes, "int64"),
    ]


# --- recommenders, tables -----------------------------------------------------------------------------------------


@sample("keras-rs", modules="keras_rs", shows="feature crosses, a ranking loss, a ranking metric")
def rs_ranking() -> Built:
    import keras
    import keras_rs

    features = keras.Input((6,))
    crossed = keras_rs.layers.FeatureCross(projection_dim=3, pre_activation="relu")(features)
    model = keras.Model(features, keras.layers.Dense(4)(crossed))
    loss = keras_rs.losses.PairwiseHingeLoss(temperature=0.5)
    labels = np.arange(16).reshape(4, 4).astype("float32") % 2
    return fitted(model, floats(4, 6), labels, loss, metrics=[keras_rs.metrics.NDCG(k=2)])


@sample("kdp", modules="kdp", shows="nested wrapper layers of a preprocessing pipeline")
def kdp_tabular() -> Built:
    import keras
    from kdp.layers.gated_residual_network_layer import GatedResidualNetwork
    from kdp.layers.tabular_attention_layer import TabularAttention

    rows = keras.Input((5, 8))
    hidden = TabularAttention(num_heads=2, d_model=8)(rows)
    hidden = GatedResidualNetwork(units=8)(keras.layers.Flatten()(hidden))
    model = keras.Model(rows, keras.layers.Dense(1)(hidden))
    return fitted(model, floats(4, 5, 8), floats(4, 1), "mse")


# --- text ---------------------------------------------------------------------------------------------------------


@sample("keras-hub", modules="keras_hub", shows="functional model over transformer layers of a large package")
def hub_transformer() -> Built:
    import keras
    import keras_hub

    tokens = keras.Input((7,), dtype="int32")
    hidden = keras_hub.layers.TokenAndPositionEmbedding(20, 7, 8)(tokens)
    hidden = hidden + keras_hub.layers.SinePositionEncoding()(hidden)
    hidden = keras_hub.layers.TransformerEncoder(intermediate_dim=16, num_heads=2)(hidden)
    model = keras.Model(tokens, keras.layers.Dense(3)(hidden))
    return fitted(model, integers(20, 4, 7), integers(3, 4, 7), keras.losses.SparseCategoricalCrossentropy(True))


@sample("keras-hub", modules="keras_hub", shows="subclassed functional model with a registered class, several inputs")
def hub_bert() -> Built:
    import keras_hub

    model = keras_hub.models.BertBackbone(
        vocabulary_size=30, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16, max_sequence_length=6
    )
    ones = np.ones((2, 6), "int32")
    return model, {"token_ids": integers(30, 2, 6), "segment_ids": ones * 0, "padding_mask": ones}


@sample("keras-bio", modules="keras_bio", shows="subclassed model with a dataclass config")
def bio_esm2() -> Built:
    from keras_bio.protein.esm2 import ESM2ForSequenceClassification

    model = ESM2ForSequenceClassification(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=3
    )
    tokens = integers(20, 2, 6)
    model(tokens)
    return model, tokens


# --- images -------------------------------------------------------------------------------------------------------


@sample("keras-aug", modules="keras_aug", shows="preprocessing layers with random transforms inside")
def aug_preprocessing() -> Built:
    import keras
    from keras_aug.layers.composition import RandomApply
    from keras_aug.layers.vision import CenterCrop, Normalize, RandomFlip, Rescale

    image = keras.Input((12, 12, 3))
    hidden = Normalize()(CenterCrop(8)(Rescale(0.5)(image)))
    hidden = RandomApply(transforms=[RandomFlip(p=1.0)], p=1.0)(hidden)  # random outside training too
    model = keras.Model(image, keras.layers.Conv2D(2, 3)(hidden))
    return model, np.abs(floats(2, 12, 12, 3))


@sample("keras-cv", modules="keras_cv", shows="layers and a loss of a package that imports keras_core or keras")
def cv_squeeze_focal() -> Built:
    import keras
    import keras_cv

    image = keras.Input((8, 8, 4))
    hidden = keras_cv.layers.SqueezeAndExcite2D(4)(image)
    hidden = keras_cv.layers.DropPath(0.1)(hidden)
    model = keras.Model(image, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(hidden)))
    loss = keras_cv.losses.FocalLoss(from_logits=True)
    return fitted(model, floats(4, 8, 8, 4), integers(2, 4, 1).astype("float32"), loss)


@sample("kecam", modules="kecam keras_cv_attention_models", shows="layers of a package that imports all of itself")
def kecam_affine() -> Built:
    import keras
    from keras_cv_attention_models.attention_layers import ChannelAffine, PositionalEmbedding

    tokens = keras.Input((6, 4))
    hidden = ChannelAffine(axis=-1)(PositionalEmbedding()(tokens))
    return fitted(keras.Model(tokens, keras.layers.Dense(2)(hidden)), floats(4, 6, 4), floats(4, 6, 2), "mse")


@sample("k3im", modules="k3im", shows="function-built vision transformer, auto config of custom layers")
def k3im_vit() -> Built:
    from k3im.vit_1d import ViT1DModel

    model = ViT1DModel(
        seq_len=12, patch_size=4, num_classes=3, dim=8, depth=1, heads=2, mlp_dim=16, channels=2, dim_head=4
    )
    return model, floats(2, 12, 2)


@sample("k3im", modules="k3im", shows="mixer with unregistered layers")
def k3im_mixer() -> Built:
    from k3im.mlp_mixer_1d import Mixer1DModel

    model = Mixer1DModel(seq_len=12, patch_size=4, num_classes=3, dim=8, depth=1, channels=2)
    return model, floats(2, 12, 2)


@sample("cstmodels", modules="cstmodels", shows="layers that pass shapes to each other, several outputs")
def cst_set_convolution() -> Built:
    import keras
    from cstmodels import SetConv2D, SmartReshape2D

    images = keras.Input((None, 8, 8, 2))
    hidden, size = SmartReshape2D()(images)
    hidden = SetConv2D(4, 3, activation="relu")(hidden, set_size=size)
    pooled = keras.layers.GlobalAveragePooling2D()(hidden)
    return keras.Model(images, keras.layers.Dense(2)(pooled)), floats(2, 3, 8, 8, 2)


@sample("keras-hexagdly", modules="keras_hexagdly", shows="hexagonal convolution, constants computed from the config")
def hexagonal() -> Built:
    import keras
    import keras_hexagdly

    image = keras.Input((8, 8, 2))
    hidden = keras_hexagdly.Conv2d(4, kernel_size=1, activation="relu")(image)
    hidden = keras_hexagdly.MaxPool2d(kernel_size=1, strides=2)(hidden)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(hidden)))
    return fitted(model, floats(4, 8, 8, 2), floats(4, 2), "mse")


# --- probability, physics, signals ----------------------------------------------------------------------------------


@sample("bayesflow", modules="bayesflow", shows="subclassed network over a package that imports much at the top")
def bayesflow_deepset() -> Built:
    import keras
    from bayesflow.networks import DeepSet

    points = keras.Input((6, 3))
    model = keras.Model(points, DeepSet(summary_dim=4, embed_dim=8, depth=1, mlp_widths=(8,), dropout=0.0)(points))
    return fitted(model, floats(4, 6, 3), floats(4, 4), "mse")


@sample("bayesflow", modules="bayesflow", shows="residual network with a learned norm, custom serialisation helpers")
def bayesflow_mlp() -> Built:
    import keras
    from bayesflow.networks import MLP

    model = keras.Sequential([keras.Input((5,)), MLP((8, 8), norm="layer"), keras.layers.Dense(1)])
    return fitted(model, floats(8, 5), floats(8, 1), "mse")


@sample("keras-proba", modules="keras_proba", shows="wrapper layer, custom loss and metric")
def proba_spectral() -> Built:
    import keras
    from keras_proba.layers import SpectralNormalization
    from keras_proba.metrics import BrierScore

    model = keras.Sequential(
        [
            keras.Input((5,)),
            SpectralNormalization(keras.layers.Dense(6, activation="relu")),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    return fitted(model, floats(8, 5), integers(3, 8), "sparse_categorical_crossentropy", metrics=[BrierScore()])


@sample("keras-proba", modules="keras_proba", shows="several outputs, covariance state outside training")
def proba_gaussian_process() -> Built:
    import keras
    from keras_proba.layers import RandomFeatureGaussianProcess

    features = keras.Input((5,))
    model = keras.Model(features, RandomFeatureGaussianProcess(2, num_inducing=16)(features))
    return model, floats(6, 5)


@sample("keras-sciml", modules="keras_sciml", shows="subclassed model of two networks, custom loss class")
def sciml_deeponet() -> Built:
    from keras_sciml.losses import RelativeL2Loss
    from keras_sciml.models import DeepONet

    model = DeepONet(latent_dim=6, mode="pointwise", hidden_layers=1, hidden_units=8)
    inputs = [floats(8, 5), floats(8, 2)]
    return fitted(model, inputs, floats(8, 1), RelativeL2Loss())


@sample("kapre", modules="kapre", shows="audio front end, Keras 2 style package, lazy imports")
def kapre_decibel() -> Built:
    import keras
    from kapre import STFT, Magnitude, MagnitudeToDecibel

    signal = keras.Input((512, 1))
    model = keras.Model(signal, MagnitudeToDecibel()(Magnitude()(STFT(n_fft=64, hop_length=32)(signal))))
    return model, floats(2, 512, 1)


@sample("keras-complex", modules="complexnn", shows="complex layers with initializers of their own")
def complex_dense() -> Built:
    import keras
    from complexnn import ComplexBN, ComplexDense

    features = keras.Input((8,))
    hidden = ComplexBN()(ComplexDense(6, activation="relu")(features))
    return fitted(keras.Model(features, ComplexDense(2)(hidden)), floats(8, 8), floats(8, 4), "mse")


@sample(
    "kerex", "keras-fft", modules="kerex keras_fft", shows="Fourier layer, a mutable initializer default, optimizer"
)
def kerex_fno() -> Built:
    import keras
    from kerex.layers.fno import FNO1D
    from kerex.optimizers import AdamW

    signal = keras.Input((16, 2))
    model = keras.Model(signal, keras.layers.Dense(1)(FNO1D(4, modes=4)(signal)))
    return fitted(model, floats(4, 16, 2), floats(4, 16, 1), "mse", optimizer=AdamW(learning_rate=0.01))


@sample("alrelu-keras", modules="alrelu_keras", shows="activation layers with a constraint, a compatibility module")
def alrelu() -> Built:
    import keras
    from alrelu_keras import ALReLU, TrainableALReLU

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(6), TrainableALReLU(), keras.layers.Dense(2), ALReLU(alpha=0.1)]
    )
    return fitted(model, floats(8, 4), floats(8, 2), "mse")


@sample("keras-custom", modules="keras_custom", shows="layers that mirror operators, constants in the config")
def custom_operators() -> Built:
    import keras
    from keras_custom.layers import Clip, MulConstant, PlusConstant

    features = keras.Input((4,))
    hidden = Clip(vmin=-1.0, vmax=1.0)(keras.layers.Dense(5)(features))
    model = keras.Model(features, MulConstant(2.0)(PlusConstant(0.5)(hidden)))
    return fitted(model, floats(8, 4), floats(8, 5), "mse")


@sample(
    "omnibias-keras", "omnibias-core", modules="omnibias", shows="two distributions in one namespace package, specs"
)
def omnibias_dense() -> Built:
    import keras
    from omnibias.keras import cmbDense

    model = keras.Sequential([keras.Input((4,)), cmbDense(6, op="identity", base="tanh"), keras.layers.Dense(1)])
    return fitted(model, floats(8, 4), floats(8, 1), "mse")

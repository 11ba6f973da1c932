"""Modules of layers that others wrote ask for no consent, by the gate `strict` too; `tests/acceptance/benign.py` counts more packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundler.audit.finding import Finding
from tests.acceptance.benign import consent_by_module, keras_layers

#: Modules of Keras's own layers, as of Keras 3.15.
ACCEPTED = """
    activations/activation activations/elu activations/leaky_relu activations/prelu activations/relu
    activations/softmax attention/attention
    convolutional/base_conv convolutional/base_conv_transpose convolutional/base_depthwise_conv
    convolutional/base_separable_conv convolutional/conv1d convolutional/conv1d_transpose convolutional/conv2d
    convolutional/conv2d_transpose convolutional/conv3d convolutional/conv3d_transpose
    convolutional/depthwise_conv1d convolutional/depthwise_conv2d convolutional/separable_conv1d
    convolutional/separable_conv2d core/identity core/input_layer core/masking core/wrapper input_spec
    merging/base_merge normalization/group_normalization
    normalization/layer_normalization normalization/rms_normalization normalization/spectral_normalization
    normalization/unit_normalization pooling/base_adaptive_pooling pooling/base_global_pooling
    pooling/base_pooling preprocessing/category_encoding preprocessing/data_layer preprocessing/discretization
    preprocessing/image_preprocessing/base_image_preprocessing_layer preprocessing/image_preprocessing/cut_mix
    preprocessing/image_preprocessing/equalization preprocessing/image_preprocessing/max_num_bounding_box
    preprocessing/image_preprocessing/mix_up preprocessing/image_preprocessing/random_brightness
    preprocessing/image_preprocessing/random_color_degeneration
    preprocessing/image_preprocessing/random_color_jitter preprocessing/image_preprocessing/random_contrast
    preprocessing/image_preprocessing/random_crop preprocessing/image_preprocessing/random_elastic_transform
    preprocessing/image_preprocessing/random_erasing preprocessing/image_preprocessing/random_flip
    preprocessing/image_preprocessing/random_gaussian_blur preprocessing/image_preprocessing/random_grayscale
    preprocessing/image_preprocessing/random_hue preprocessing/image_preprocessing/random_invert
    preprocessing/image_preprocessing/random_posterization preprocessing/image_preprocessing/random_rotation
    preprocessing/image_preprocessing/random_saturation preprocessing/image_preprocessing/random_shear
    preprocessing/image_preprocessing/random_translation preprocessing/image_preprocessing/random_zoom
    preprocessing/pipeline preprocessing/rescaling preprocessing/stft_spectrogram regularization/activity_regularization
    regularization/alpha_dropout regularization/dropout regularization/gaussian_dropout
    regularization/gaussian_noise reshaping/cropping1d reshaping/cropping2d reshaping/cropping3d
    reshaping/flatten reshaping/permute reshaping/repeat_vector reshaping/reshape reshaping/up_sampling1d
    reshaping/up_sampling2d reshaping/up_sampling3d reshaping/zero_padding1d reshaping/zero_padding2d
    reshaping/zero_padding3d rnn/conv_lstm rnn/conv_lstm1d rnn/conv_lstm2d rnn/conv_lstm3d rnn/gru rnn/lstm
    rnn/simple_rnn rnn/stacked_rnn_cells rnn/time_distributed
""".split()  # noqa: SIM905 - a list of these would be a page


@pytest.fixture(scope="module")
def found() -> dict[str, list[Finding]]:
    """Return what is found in the installed Keras's layers, by their path below ``keras/src/layers``."""
    root, files = keras_layers()
    folder = root / "keras" / "src" / "layers"
    return {
        Path(member).relative_to(folder).with_suffix("").as_posix(): findings
        for member, findings in consent_by_module(root, files, strict=True).items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ACCEPTED)
def test_asks_for_nothing_where_a_layer_computes(name: str, found: dict[str, list[Finding]]) -> None:
    if name not in found:
        pytest.skip("another Keras")
    assert [f"{item.place}: {item.what}" for item in found[name]] == []


@pytest.mark.slow
def test_sixty_modules_were_really_asked(found: dict[str, list[Finding]]) -> None:
    assert sum(name in found for name in ACCEPTED) >= 60

import tensorflow as tf


def gram_matrix(x):
    g = tf.linalg.einsum("bijc,bijd->bcd", x, x)
    n = tf.cast(tf.shape(x)[1] * tf.shape(x)[2], tf.float32)
    return g / n


def high_pass_x_y(image):
    return image[:, :, 1:] - image[:, :, :-1], image[:, 1:] - image[:, :-1]


def total_variation_loss(image):
    dx, dy = high_pass_x_y(image)
    return tf.reduce_mean(dx**2) + tf.reduce_mean(dy**2)


def make_perceptual_loss(extractor, style_image, content_layer, style_weight=1.0,
                         content_weight=1.0, tv_weight=0.0):
    """Returns loss(y_true, y_pred); y_true are the content images."""
    extractor.trainable = False
    style_targets = {
        name: gram_matrix(feat) for name, feat in extractor(style_image[None]).items()
    }
    num_style_layers = len(style_targets)

    def style_term(features):
        total = 0.0
        for name, target in style_targets.items():
            total += tf.reduce_mean((gram_matrix(features[name]) - target) ** 2)
        return total / num_style_layers

    def content_term(features, wanted):
        return tf.reduce_mean((features[content_layer] - wanted[content_layer]) ** 2)

    def perceptual_loss(y_true, y_pred):
        wanted = extractor(y_true, training=False)
        features = extractor(y_pred, training=False)
        return (
            content_weight * content_term(features, wanted)
            + style_weight * style_term(features)
            + tv_weight * total_variation_loss(y_pred)
        )

    return perceptual_loss

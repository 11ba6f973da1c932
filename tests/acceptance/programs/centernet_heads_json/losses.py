import tensorflow as tf

ALPHA, BETA = 2.0, 4.0   # overwritten from the command line


def focal(hm_true, hm_pred):
    pos = tf.cast(tf.equal(hm_true, 1), tf.float32)
    neg_w = tf.pow(1 - hm_true, BETA)
    pos_loss = -tf.math.log(hm_pred) * tf.pow(1 - hm_pred, ALPHA) * pos
    neg_loss = -tf.math.log(1 - hm_pred) * tf.pow(hm_pred, ALPHA) * neg_w * (1 - pos)
    return tf.reduce_sum(pos_loss + neg_loss) / tf.maximum(tf.reduce_sum(pos), 1.0)


def masked_l1(y_true, y_pred):
    """ last channel of y_true says where there are centers """
    target, mask = y_true[..., :-1], y_true[..., -1:]
    return tf.reduce_sum(tf.abs(target - y_pred) * mask) / (tf.reduce_sum(mask) + 1e-4)


LOSSES = {"hm": focal}


def loss_for(name):
    return LOSSES.get(name, masked_l1)


def peak_recall(y_true, y_pred):
    peak = tf.equal(tf.nn.max_pool2d(y_pred, 3, 1, "SAME"), y_pred)
    hit = tf.cast(tf.logical_and(peak, tf.equal(y_true, 1)), tf.float32)
    return tf.reduce_sum(hit) / tf.maximum(tf.reduce_sum(tf.cast(tf.equal(y_true, 1), tf.float32)), 1.0)

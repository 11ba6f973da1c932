import tensorflow as tf


def lsgan(target):
    def loss(score):
        return tf.reduce_mean(tf.square(score - target))
    return loss


def hinge(score, sign=1.0):
    return tf.reduce_mean(tf.nn.relu(1.0 - sign * score))


def gan_losses(mode):
    """(real, fake, what the generator wants)"""
    match mode:
        case "lsgan":
            return lsgan(0.9), lsgan(0.0), lsgan(1.0)
        case "hinge":
            return hinge, lambda s: hinge(s, -1.0), lambda s: -tf.reduce_mean(s)
        case _:
            raise NotImplementedError(mode)


def l1(target, fake):
    return tf.reduce_mean(tf.abs(target - fake))

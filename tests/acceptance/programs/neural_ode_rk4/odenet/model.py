import tensorflow as tf
from tensorflow.keras import Model, layers

from .solvers import odeint


class ConcatDense(layers.Layer):
    """ Dense layer that also sees the time. """

    def __init__(self, dim_out, act=None):
        super().__init__()
        self.dense = layers.Dense(dim_out, kernel_initializer=tf.random_normal_initializer(stddev=0.3))
        self.act = act if act is not None else (lambda h: h)

    def call(self, y, t=0.0):
        tt = tf.ones_like(y[:, :1]) * t
        return self.act(self.dense(tf.concat([tt, y], axis=1)))


def make_dynamics(net, power=3):
    return lambda t, y: _run(net, t, y ** power)


def _run(net, t, y):
    for layer in net:
        y = layer(y, t=t)
    return y


class ODENet(Model):
    nfe = 0

    def __init__(self, data_dim, hidden, t, augment_dim=0, time_act=tf.tanh, **solver_kwargs):
        super().__init__()
        self.data_dim = data_dim
        self.augment_dim = augment_dim
        self.t = t
        self.solver_kwargs = solver_kwargs
        width = data_dim + augment_dim
        self.net = [ConcatDense(hidden, time_act), ConcatDense(hidden, time_act), ConcatDense(width)]
        self.dynamics = make_dynamics(self.net)
        self.readout = layers.Dense(data_dim, kernel_initializer="identity")

    def counted(self, t, y):
        ODENet.nfe += 1
        return self.dynamics(t, y)

    def call(self, y0):
        if self.augment_dim:
            y0 = tf.pad(y0, [[0, 0], [0, self.augment_dim]])
        ys = odeint(self.counted, y0, self.t, **self.solver_kwargs)
        return self.readout(ys)

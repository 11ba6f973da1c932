"""Residuals of the equations that can be fitted: f(u, u_t, u_x, u_xx, coef) = 0."""
import tensorflow as tf

EQUATIONS = {}


def equation(name, **defaults):
    def register(fn):
        EQUATIONS[name] = (fn, defaults)
        return fn

    return register


@equation("heat")
def heat(u, u_t, u_x, u_xx, coef):
    return u_t - coef * u_xx


@equation("fisher", rate=1.0)
def fisher(u, u_t, u_x, u_xx, coef, rate):
    return u_t - coef * u_xx - rate * u * (1.0 - u)


@equation("burgers")
def burgers(u, u_t, u_x, u_xx, coef):
    return u_t + u * u_x - coef * u_xx


def get_residual(name, **overrides):
    fn, defaults = EQUATIONS[name]
    options = {**defaults, **overrides}
    return lambda *fields: fn(*fields, **options)


def derivatives(net, tx):
    """u and what the equations need of it, at the points tx = (t, x)."""
    with tf.GradientTape() as outer:
        outer.watch(tx)
        with tf.GradientTape() as inner:
            inner.watch(tx)
            u = net(tx)
        du = inner.gradient(u, tx)
        u_x = du[:, 1:2]
    u_xx = outer.gradient(u_x, tx)[:, 1:2]
    return u, du[:, 0:1], u_x, u_xx

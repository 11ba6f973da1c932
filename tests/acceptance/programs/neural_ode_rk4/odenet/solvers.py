import functools

import numpy as np
import tensorflow as tf

SOLVERS = {}


def fixed_step(name, order):
    def wrap(step):
        @functools.wraps(step)
        def integrate(func, y0, grid, t):
            ys, y, j = [y0], y0, 1
            for a, b in zip(grid[:-1], grid[1:]):
                y_next = y + step(func, float(a), float(b - a), y)
                while j < len(t) and b >= t[j] - 1e-9:
                    ys.append(_interp(float(a), float(b), y, y_next, float(t[j])))
                    j += 1
                y = y_next
            return tf.stack(ys, axis=1)

        integrate.order = order
        SOLVERS[name] = integrate
        return integrate

    return wrap


def _interp(t0, t1, y0, y1, t):
    if t == t1:
        return y1
    return y0 + (y1 - y0) * ((t - t0) / (t1 - t0))


@fixed_step("euler", 1)
def euler(func, t, dt, y):
    return dt * func(t, y)


@fixed_step("midpoint", 2)
def midpoint(func, t, dt, y):
    return dt * func(t + dt / 2, y + func(t, y) * dt / 2)


@fixed_step("rk4", 4)
def rk4(func, t, dt, y):
    """3/8 rule, as in torchdiffeq."""
    k1 = func(t, y)
    k2 = func(t + dt / 3, y + dt * k1 / 3)
    k3 = func(t + dt * 2 / 3, y + dt * (k2 - k1 / 3))
    k4 = func(t + dt, y + dt * (k1 - k2 + k3))
    return (k1 + 3 * (k2 + k3) + k4) * dt / 8


def odeint(func, y0, t, method="rk4", options=None):
    options = options or {}
    unknown = set(options) - {"step_size", "grid_constructor"}
    if unknown:
        raise ValueError("unused options %s" % sorted(unknown))
    if "grid_constructor" in options:
        grid = options["grid_constructor"](func, y0, t)
    elif "step_size" in options:
        n = int(np.ceil((t[-1] - t[0]) / options["step_size"]))
        grid = np.linspace(t[0], t[-1], n + 1)
    else:
        grid = t
    return SOLVERS[method](func, y0, grid, t)

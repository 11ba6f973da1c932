# helper functions for the project (data + small things)
import numpy as np
import tensorflow as tf
import keras

ATOMS = ["C", "N", "O", "F"]
BONDS = {"single": 0, "double": 1, "aromatic": 2}
MASS = np.array([12.0, 14.0, 16.0, 19.0]) / 12.0
TASKS = ["logP", "tox"]

rng = np.random.RandomState(2024)


def one_hot(i, n):
    v = [0.0] * n
    v[i] = 1.0
    return v


def random_molecule():
    n = rng.randint(4, 10)
    types = rng.choice(4, n, p=[0.6, 0.15, 0.15, 0.1])
    bonds = [(i, rng.randint(0, i)) for i in range(1, n)]
    if n > 5:
        bonds.append((0, n - 1))
    nodes = [one_hot(t, 4) + [MASS[t]] for t in types]
    edges, pairs = [], []
    for a, b in bonds:
        kind = rng.randint(0, 3)
        e = one_hot(kind, len(BONDS)) + [rng.uniform(1.2, 1.6)]
        edges += [e, e]
        pairs += [[a, b], [b, a]]
    # targets
    logp = 0.3 * (types == 0).sum() - 0.4 * (types == 2).sum() + 0.1 * np.mean([p[0] for p in pairs])
    tox = float((types == 1).sum() > 0 and n > 6)
    y = [logp, tox]
    if rng.rand() < 0.2:
        y[rng.randint(0, 2)] = np.nan  # missing label
    return nodes, edges, pairs, y


def make_batch(n_mol):
    """merge molecules to one big graph"""
    N, E, P, M, Y = [], [], [], [], []
    off = 0
    for m in range(n_mol):
        nodes, edges, pairs, y = random_molecule()
        N += nodes
        E += edges
        P += [[a + off, b + off] for a, b in pairs]
        M += [m] * len(nodes)
        Y.append(y)
        off += len(nodes)
    x = [np.array(N, "float32"), np.array(E, "float32"), np.array(P, "int32"), np.array(M, "int32")]
    return x, np.array(Y, "float32")


@tf.function
def segment_softmax(s, seg, num):
    m = tf.math.unsorted_segment_max(s, seg, num)
    e = tf.exp(s - tf.gather(m, seg))
    z = tf.math.unsorted_segment_sum(e, seg, num)
    return e / tf.gather(z, seg)


class NearIdentity(keras.initializers.Initializer):
    def __init__(self, dim, noise=0.05):
        self.dim = dim
        self.noise = noise

    def __call__(self, shape, dtype=None, **kwargs):
        # shape is (edge_features, dim*dim)
        eye = tf.reshape(tf.eye(self.dim), [1, -1])
        return eye + self.noise * tf.random.normal(shape)


def l1_off_diagonal(w):
    d = int(np.sqrt(w.shape[-1]))
    mask = 1.0 - np.eye(d, dtype="float32").reshape(1, -1)
    return 1e-4 * tf.reduce_sum(tf.abs(w * mask))

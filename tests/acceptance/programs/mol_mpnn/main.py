import sys
from utils import *
from keras import layers
from bundler import bundle

bundle_file = sys.argv[1]
numbers_file = sys.argv[2]

# hyperparameters
DIM = 16
STEPS = 3
READ_STEPS = 2
LR = 0.005
TASK_WEIGHTS = {"logP": 1.0, "tox": 0.5}
USE_AVG = True

keras.utils.set_random_seed(11)


class EdgeNetwork(layers.Layer):
    def build(self, input_shape):
        n_edge = input_shape[1][-1]
        self.kernel = self.add_weight(shape=(n_edge, DIM * DIM), initializer=NearIdentity(DIM),
                                      regularizer=l1_off_diagonal, name="kernel")
        self.bias = self.add_weight(shape=(DIM * DIM,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs):
        h, e, pairs = inputs
        A = tf.matmul(e, self.kernel) + self.bias
        A = tf.reshape(A, (-1, DIM, DIM))
        nb = tf.gather(h, pairs[:, 1])
        msg = tf.squeeze(tf.matmul(A, tf.expand_dims(nb, -1)), -1)
        agg = tf.math.unsorted_segment_sum(msg, pairs[:, 0], tf.shape(h)[0])
        if USE_AVG:
            deg = tf.math.unsorted_segment_sum(tf.ones_like(msg[:, :1]), pairs[:, 0], tf.shape(h)[0])
            agg = agg / tf.maximum(deg, 1.0)
        return agg


class MessagePassing(layers.Layer):
    def __init__(self, steps, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps
        self.embed = layers.Dense(DIM, activation="tanh")
        self.edge_net = EdgeNetwork()
        self.gru = layers.GRUCell(DIM)

    def call(self, inputs):
        nodes, edges, pairs = inputs
        h = self.embed(nodes)
        for i in range(self.steps):
            m = self.edge_net([h, edges, pairs])
            h, _ = self.gru(m, h)
        return h


class Set2Set(layers.Layer):
    """reads the nodes of every molecule some times with an lstm as query (Vinyals et al.)"""

    def __init__(self, steps=READ_STEPS):
        super().__init__()
        self.steps = steps
        self.lstm = layers.LSTMCell(DIM)
        self.w = layers.Dense(DIM)

    def call(self, inputs):
        h, mol = inputs
        n = tf.reduce_max(mol) + 1
        k = self.w(h)
        state = [tf.zeros((n, DIM)), tf.zeros((n, DIM))]
        q_star = tf.zeros((n, 2 * DIM))
        for _ in range(self.steps):
            q, state = self.lstm(q_star, state)
            score = tf.reduce_sum(k * tf.gather(q, mol), -1)
            a = segment_softmax(score, mol, n)
            r = tf.math.unsorted_segment_sum(a[:, None] * h, mol, n)
            q_star = tf.concat([q, r], -1)
        return q_star


class MPNN(keras.Model):
    def __init__(self):
        super().__init__()
        self.mp = MessagePassing(STEPS)
        self.readout = Set2Set()
        self.heads = {}
        for t in TASKS:
            self.heads[t] = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)], name="head_" + t)

    def call(self, inputs):
        nodes, edges, pairs, mol = inputs
        h = self.mp([nodes, edges, pairs])
        g = self.readout([h, mol])
        return tf.concat([self.heads[t](g) for t in TASKS], axis=-1)


def masked_loss(y_true, y_pred):
    known = tf.logical_not(tf.math.is_nan(y_true))
    y = tf.where(known, y_true, tf.zeros_like(y_true))
    reg = tf.square(y[:, 0] - y_pred[:, 0]) * TASK_WEIGHTS["logP"]
    cls = tf.nn.sigmoid_cross_entropy_with_logits(y[:, 1], y_pred[:, 1]) * TASK_WEIGHTS["tox"]
    both = tf.stack([reg, cls], -1) * tf.cast(known, tf.float32)
    return tf.reduce_sum(both, -1)


def generator():
    while True:
        yield batches[rng.randint(0, len(batches))]


batches = [make_batch(16) for _ in range(6)]
model = MPNN()
model.compile(optimizer=keras.optimizers.RMSprop(LR), loss=masked_loss, jit_compile=False)

losses = []
gen = generator()
for it in range(25):
    xb, yb = next(gen)
    l = model.train_on_batch(xb, yb)
    losses.append(float(np.asarray(l).ravel()[0]))
    if it % 10 == 0:
        print("step", it, "loss", losses[-1])

bundle(model, bundle_file)

x, _ = make_batch(5)
fx, fy = make_batch(8)
fy = np.nan_to_num(fy)
y = model(x).numpy()
model.train_on_batch(fx, fy)
after = model(x).numpy()

d = {"y": y, "fy": fy, "after": after}
for i in range(4):
    d["x%d" % i] = x[i]
    d["fx%d" % i] = fx[i]
np.savez(numbers_file, **d)
print("done")

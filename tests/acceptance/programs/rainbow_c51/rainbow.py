#!/usr/bin/env python
# Rainbow-ish DQN (noisy nets + dueling + C51 + n-step + double q).  No prioritized replay (yet).
# usage: python rainbow.py --steps 400 --out agent.bin --npz check.npz
import argparse
import logging
import random
from collections import deque, namedtuple

import numpy as np
import tensorflow as tf
import keras
from keras import layers

try:
    import gymnasium as gym
except ImportError:
    gym = None

from bundler import bundle

log = logging.getLogger("rainbow")

N_ATOMS = 21
V_MIN, V_MAX = 0.0, 50.0
DELTA_Z = (V_MAX - V_MIN) / (N_ATOMS - 1)
SUPPORT = np.linspace(V_MIN, V_MAX, N_ATOMS, dtype=np.float32)
GAMMA = 0.99
N_STEP = 3

Transition = namedtuple("Transition", "obs action reward next_obs done")


class GridChase:
    """fallback env when gymnasium is not around"""

    class _Space:
        def __init__(self, n):
            self.n = n

    def __init__(self):
        self.action_space = self._Space(2)

    def reset(self, seed=None):
        self.rng = np.random.default_rng(seed)
        self.pos, self.t = self.rng.uniform(-1, 1, 4).astype("float32"), 0
        return self.pos.copy(), {}

    def step(self, a):
        self.pos[0] += 0.1 if a else -0.1
        self.t += 1
        return self.pos.copy(), 1.0 - abs(float(self.pos[0])), abs(self.pos[0]) > 2, self.t > 100, {}


def scaled_noise(shape):
    x = tf.random.normal(shape)
    return tf.sign(x) * tf.sqrt(tf.abs(x))


class NoisyDense(layers.Layer):
    """Factorised gaussian noise, Fortunato et al."""

    count = 0  # for seeds/names

    def __init__(self, units, activation=None, sigma0=0.5, **kw):
        NoisyDense.count += 1
        kw.setdefault("name", f"noisy{NoisyDense.count}")
        super().__init__(**kw)
        self.units = units
        self.act = keras.activations.get(activation)
        self.sigma0 = sigma0

    def build(self, input_shape):
        self.n_in = input_shape[-1]
        bound = 1 / np.sqrt(self.n_in)
        mu = keras.initializers.RandomUniform(-bound, bound)
        sig = keras.initializers.Constant(self.sigma0 * bound)
        self.w_mu = self.add_weight(shape=(self.n_in, self.units), initializer=mu, name="w_mu")
        self.w_sigma = self.add_weight(shape=(self.n_in, self.units), initializer=sig, name="w_sigma")
        self.b_mu = self.add_weight(shape=(self.units,), initializer=mu, name="b_mu")
        self.b_sigma = self.add_weight(shape=(self.units,), initializer=sig, name="b_sigma")

    def call(self, x, training=None):
        if training:
            e_in, e_out = scaled_noise((self.n_in, 1)), scaled_noise((1, self.units))
            w = self.w_mu + self.w_sigma * (e_in * e_out)
            b = self.b_mu + self.b_sigma * e_out[0]
        else:
            w, b = self.w_mu, self.b_mu
        return self.act(tf.matmul(x, w) + b)


class RainbowNet(keras.Model):
    def __init__(self, n_actions, hidden=(64, 64), **kw):
        super().__init__(**kw)
        self.n_actions = n_actions
        self.body = [layers.Dense(h, activation="relu", name=f"fc_{i}") for i, h in enumerate(hidden)]
        self.heads = {
            "value": NoisyDense(N_ATOMS),
            "advantage": NoisyDense(n_actions * N_ATOMS),
        }
        self.pre_value = NoisyDense(hidden[-1], activation="relu")
        self.pre_adv = NoisyDense(hidden[-1], activation="relu")

    def call(self, obs, training=False, log_probs=False):
        x = obs
        for fc in self.body:
            x = fc(x)
        v = self.heads["value"](self.pre_value(x, training=training), training=training)
        a = self.heads["advantage"](self.pre_adv(x, training=training), training=training)
        v = tf.reshape(v, [-1, 1, N_ATOMS])
        a = tf.reshape(a, [-1, self.n_actions, N_ATOMS])
        logits = v + a - tf.reduce_mean(a, axis=1, keepdims=True)
        return tf.nn.log_softmax(logits) if log_probs else tf.nn.softmax(logits)

    @tf.function
    def q_values(self, obs):
        return tf.reduce_sum(self(obs) * SUPPORT, axis=-1)

    def act(self, obs, noisy=True):
        probs = self(obs[None], training=noisy)
        return int(tf.argmax(tf.reduce_sum(probs * SUPPORT, -1), -1)[0])


class NStepBuffer:
    def __init__(self, capacity, n=N_STEP, gamma=GAMMA):
        self.storage = deque(maxlen=capacity)
        self.pending = deque(maxlen=n)
        self.n, self.gamma = n, gamma

    def __len__(self):
        return len(self.storage)

    def _fold(self):
        R, nxt, done = 0.0, self.pending[-1].next_obs, self.pending[-1].done
        for i, t in enumerate(self.pending):
            R += self.gamma ** i * t.reward
        first = self.pending[0]
        return Transition(first.obs, first.action, R, nxt, done)

    def push(self, t):
        self.pending.append(t)
        if len(self.pending) == self.n:
            self.storage.append(self._fold())
        if t.done:
            self.pending.clear()

    def sample(self, k):
        batch = random.sample(self.storage, k)
        cols = [np.asarray(c, dtype=np.float32) for c in zip(*batch)]
        cols[1] = cols[1].astype(np.int32)
        return Transition(*cols)


def project(next_probs, rewards, dones):
    """categorical projection onto the fixed support (numpy, slow but readable)"""
    B = len(rewards)
    tz = np.clip(rewards[:, None] + (1 - dones[:, None]) * GAMMA ** N_STEP * SUPPORT, V_MIN, V_MAX)
    b = (tz - V_MIN) / DELTA_Z
    lo, up = np.floor(b).astype(int), np.ceil(b).astype(int)
    m = np.zeros((B, N_ATOMS), dtype=np.float32)
    for i in range(B):
        np.add.at(m[i], lo[i], next_probs[i] * (up[i] - b[i] + (lo[i] == up[i])))
        np.add.at(m[i], up[i], next_probs[i] * (b[i] - lo[i]))
    return m


class Agent:
    def __init__(self, obs_dim, n_actions, hidden, lr=1e-3, target_every=50):
        self.online = RainbowNet(n_actions, hidden, name="online")
        self.target = RainbowNet(n_actions, hidden, name="target")
        for net in (self.online, self.target):
            net(tf.zeros((1, obs_dim)))
        self.target.set_weights(self.online.get_weights())
        self.opt = keras.optimizers.Adam(lr, epsilon=1.5e-4, clipnorm=10.0)
        self.buffer = NStepBuffer(5000)
        self.target_every = target_every
        self.updates = 0

    @tf.function
    def _update(self, obs, actions, target_dist):
        with tf.GradientTape() as tape:
            logp = self.online(obs, training=True, log_probs=True)
            picked = tf.gather(logp, actions, axis=1, batch_dims=1)
            loss = -tf.reduce_mean(tf.reduce_sum(target_dist * picked, -1))
        grads = tape.gradient(loss, self.online.trainable_variables)
        self.opt.apply_gradients(zip(grads, self.online.trainable_variables))
        return loss

    def learn(self, batch_size):
        b = self.buffer.sample(batch_size)
        best = self.online.q_values(b.next_obs).numpy().argmax(1)
        p = self.target(b.next_obs, training=True).numpy()[np.arange(batch_size), best]
        loss = self._update(b.obs, b.action, project(p, b.reward, b.done))
        self.updates += 1
        if self.updates % self.target_every == 0:
            self.target.set_weights(self.online.get_weights())
        return float(loss)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--warmup", type=int, default=64)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--hidden", type=int, nargs="+", default=[64, 64])
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", required=True)
    p.add_argument("--npz", required=True)
    args = p.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    keras.utils.set_random_seed(args.seed)

    env = gym.make("CartPole-v1") if gym is not None else GridChase()
    obs, _ = env.reset(seed=args.seed)
    agent = Agent(len(obs), int(env.action_space.n), args.hidden)
    seen, ep_ret, returns, losses = [], 0.0, [], []
    for step in range(args.steps):
        a = agent.online.act(obs)
        nxt, r, term, trunc, _ = env.step(a)
        agent.buffer.push(Transition(obs, a, r, nxt, float(term)))
        seen.append(obs)
        obs, ep_ret = nxt, ep_ret + r
        if term or trunc:
            returns.append(ep_ret)
            ep_ret = 0.0
            agent.buffer.pending.clear()
            obs, _ = env.reset()
        if step >= args.warmup and step % 2 == 0:
            losses.append(agent.learn(args.batch))
    log.info("episodes=%d mean return=%.1f loss=%.3f", len(returns), np.mean(returns), np.mean(losses[-20:]))

    bundle(agent.online, args.out)
    x = np.stack(seen[-16:]).astype(np.float32)
    np.savez(args.npz, x=x, y=agent.online.q_values(x).numpy())


if __name__ == "__main__":
    main()

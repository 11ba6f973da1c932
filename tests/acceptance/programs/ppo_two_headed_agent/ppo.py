import argparse
import random

import numpy as np
import scipy.signal
import tensorflow as tf
from tensorflow import keras

from bundler import bundle
from env import Corridor


def discounted_cumsum(x, discount):
    return scipy.signal.lfilter([1], [1, float(-discount)], x[::-1], axis=0)[::-1]


class RunningNorm(tf.Module):
    """Welford mean/var of the observations; not a layer, so nothing here trains."""

    def __init__(self, dim, name=None):
        super().__init__(name=name)
        self.mean = tf.Variable(tf.zeros([dim]), trainable=False, name="mean")
        self.m2 = tf.Variable(tf.ones([dim]), trainable=False, name="m2")
        self.count = tf.Variable(1.0, trainable=False, name="count")

    def update(self, batch):
        for row in np.asarray(batch):
            self.count.assign_add(1.0)
            delta = row - self.mean
            self.mean.assign_add(delta / self.count)
            self.m2.assign_add(delta * (row - self.mean))

    def __call__(self, x):
        std = tf.sqrt(self.m2 / self.count) + 1e-3
        return tf.clip_by_value((x - self.mean) / std, -5.0, 5.0)


class MLP(keras.layers.Layer):
    def __init__(self, sizes, last_gain=1.0):
        super().__init__()
        gains = [np.sqrt(2)] * (len(sizes) - 1) + [last_gain]
        self.fcs = [
            keras.layers.Dense(
                n,
                activation="tanh" if i < len(sizes) - 1 else None,
                kernel_initializer=keras.initializers.Orthogonal(gain=g),
            )
            for i, (n, g) in enumerate(zip(sizes, gains))
        ]

    def call(self, x):
        for fc in self.fcs:
            x = fc(x)
        return x


class ActorCritic(keras.Model):
    def __init__(self, obs_dim, n_actions, hidden=(32, 32)):
        super().__init__()
        self.norm = RunningNorm(obs_dim)
        self.torso = MLP([*hidden])
        self.pi = MLP([16, n_actions], last_gain=0.01)
        self.v = MLP([16, 1])

    def call(self, obs):
        h = tf.nn.tanh(self.torso(self.norm(obs)))
        return self.pi(h), tf.squeeze(self.v(h), -1)

    def logp(self, logits, actions):
        return -tf.nn.sparse_softmax_cross_entropy_with_logits(actions, logits)

    def sample(self, obs):
        logits, value = self(obs)
        action = tf.random.categorical(logits, 1, dtype=tf.int32)[:, 0]
        return action, self.logp(logits, action), value

    def act(self, obs):
        """what the robot uses: the action probabilities for a batch of observations"""
        logits, _ = self(tf.convert_to_tensor(obs, tf.float32))
        return tf.nn.softmax(logits).numpy()


class Buffer:
    def __init__(self, gamma, lam):
        self.gamma, self.lam = gamma, lam
        self.obs, self.act, self.logp, self.adv, self.ret = [], [], [], [], []

    def finish(self, traj, last_value):
        obs, act, rew, val, logp = (list(c) for c in zip(*traj))
        vals = np.array(val + [last_value])
        delta = np.array(rew) + self.gamma * vals[1:] - vals[:-1]
        self.adv += list(discounted_cumsum(delta, self.gamma * self.lam))
        self.ret += list(discounted_cumsum(np.array(rew + [last_value]), self.gamma)[:-1])
        self.obs += obs
        self.act += act
        self.logp += logp

    def get(self):
        adv = np.array(self.adv)
        adv = (adv - adv.mean()) / (adv.std() + 1e-8)
        f = lambda a: np.array(a, "float32")
        return f(self.obs), np.array(self.act, "int32"), f(self.logp), f(adv), f(self.ret)


class PPO:
    def __init__(self, net, args):
        self.net, self.args = net, args
        self.opt = keras.optimizers.Adam(args.lr, global_clipnorm=0.5)
        self.trace = []

    @tf.function
    def update(self, obs, act, logp_old, adv, ret):
        clip = self.args.clip
        with tf.GradientTape() as tape:
            logits, value = self.net(obs)
            ratio = tf.exp(self.net.logp(logits, act) - logp_old)
            surrogate = tf.minimum(ratio * adv, tf.clip_by_value(ratio, 1 - clip, 1 + clip) * adv)
            entropy = -tf.reduce_sum(tf.nn.softmax(logits) * tf.nn.log_softmax(logits), -1)
            loss = tf.reduce_mean(
                -surrogate + 0.5 * tf.square(ret - value) - self.args.entropy * entropy
            )
        grads = tape.gradient(loss, self.net.trainable_variables)
        self.opt.apply_gradients(zip(grads, self.net.trainable_variables))
        return loss

    def rollout(self, env, steps):
        buf = Buffer(self.args.gamma, self.args.lam)
        obs, _ = env.reset()
        traj, returns = [], [0.0]
        for t in range(steps):
            a, lp, v = (x.numpy()[0] for x in self.sampler(obs[None]))
            nxt, r, done, cut, _ = env.step(int(a))
            traj.append((obs, a, r, v, lp))
            returns[-1] += r
            obs = nxt
            if done or cut or t == steps - 1:
                last = 0.0 if done else float(self.net(obs[None])[1][0])
                buf.finish(traj, last)
                obs, _ = env.reset()
                traj = []
                returns.append(0.0)
        self.trace.append(np.mean(returns[:-1]))
        return buf.get()

    def learn(self, env):
        self.sampler = tf.function(self.net.sample, reduce_retracing=True)
        self.net(env.reset(seed=self.args.seed)[0][None])
        for it in range(self.args.iters):
            data = self.rollout(env, self.args.steps)
            self.net.norm.update(data[0])
            order = np.random.permutation(len(data[0]))
            for _ in range(self.args.epochs):
                for idx in np.array_split(order, 4):
                    loss = self.update(*(tf.constant(d[idx]) for d in data))
            print(f"iter {it} return {self.trace[-1]:.3f} loss {float(loss):.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--save")
    ap.add_argument("--numbers")
    for name, default in dict(iters=10, steps=128, epochs=3, seed=5).items():
        ap.add_argument(f"--{name}", type=int, default=default)
    for name, default in dict(lr=3e-3, gamma=0.98, lam=0.95, clip=0.2, entropy=0.01).items():
        ap.add_argument(f"--{name}", type=float, default=default)
    args = ap.parse_args()

    random.seed(args.seed)
    np.random.seed(args.seed)
    tf.random.set_seed(args.seed)
    env = Corridor()
    net = ActorCritic(env.observation_space.shape[0], int(env.action_space.n))
    PPO(net, args).learn(env)

    env.reset(seed=1)
    x = np.stack([env.reset()[0] for _ in range(8)])
    y = net.act(x)
    bundle(net, args.save)
    np.savez(args.numbers, x=x, y=y)

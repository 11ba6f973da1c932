import argparse
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import bundler
from env import Pendulum
from nets import Actor, RunningNorm, TwinQ

Batch = NamedTuple("Batch", [(k, np.ndarray) for k in ("obs", "act", "rew", "nxt", "done")])


class Replay:
    def __init__(self, size, *shapes):
        self.data, self.size, self.ptr = Batch(*(np.zeros((size, *s), np.float32) for s in shapes)), size, 0

    def add(self, *transition):
        for column, value in zip(self.data, transition):
            column[self.ptr % self.size] = value
        self.ptr += 1

    def sample(self, n, rng):
        idx = rng.integers(0, min(self.ptr, self.size), n)
        return Batch(*(tf.constant(c[idx]) for c in self.data))


class SAC:
    gamma, polyak = 0.98, 0.95

    def __init__(self, env, hidden, lr=3e-3):
        self.norm = RunningNorm((3,))
        self.actor = Actor(env.action_space, hidden, obs_norm=self.norm)
        self.critic, self.target = (TwinQ(hidden, obs_norm=self.norm) for _ in range(2))
        _ = [net(tf.zeros((1, 3)), tf.zeros((1, 1))) for net in (self.critic, self.target)]
        self.target.set_weights(self.critic.get_weights())
        self.log_alpha = tf.Variable(0.0)
        self.entropy_target = -1.0
        self.opt = {k: tf.keras.optimizers.Adam(lr) for k in ("actor", "critic", "alpha")}

    def learn(self, b):
        alpha = tf.exp(self.log_alpha)
        act2, logp2 = self.actor.sample(b.nxt)
        backup = b.rew + self.gamma * (1 - b.done) * (tf.minimum(*self.target(b.nxt, act2)) - alpha * logp2)
        with tf.GradientTape() as tape:
            q_loss = tf.add_n([tf.reduce_mean((q - backup) ** 2) for q in self.critic(b.obs, b.act)])
        self._apply("critic", tape, q_loss, self.critic.trainable_variables)

        with tf.GradientTape() as tape:
            act, logp = self.actor.sample(b.obs)
            pi_loss = tf.reduce_mean(alpha * logp - tf.minimum(*self.critic(b.obs, act)))
        self._apply("actor", tape, pi_loss, self.actor.trainable_variables)

        with tf.GradientTape() as tape:
            a_loss = -tf.reduce_mean(self.log_alpha * (logp + self.entropy_target))
        self._apply("alpha", tape, a_loss, [self.log_alpha])

        for t, v in zip(self.target.variables, self.critic.variables):
            t.assign(self.polyak * t + (1 - self.polyak) * v)
        return q_loss, pi_loss

    def _apply(self, which, tape, loss, variables):
        self.opt[which].apply_gradients(zip(tape.gradient(loss, variables), variables))


def main():
    p = argparse.ArgumentParser()
    for flag in ("--save", "--check"):
        p.add_argument(flag)
    p.add_argument("--steps", type=int)
    p.add_argument("--hidden", type=int, nargs="+")
    args = p.parse_args()
    tf.random.set_seed(5)
    rng, env = np.random.default_rng(5), Pendulum(seed=5)
    agent = SAC(env, args.hidden)
    buf = Replay(500, (3,), (1,), (), (3,), ())

    obs, ret = env.reset(), 0.0
    for t in range(args.steps):
        agent.norm.update(obs)
        act = env.action_space.sample(rng) if t < 60 else agent.actor.sample(obs[None])[0][0].numpy()
        nxt, rew, done = env.step(act)
        buf.add(obs, act, rew, nxt, 0.0)
        obs, ret = nxt, ret + rew
        if t >= 60 and t % 2 == 0:
            losses = agent.learn(buf.sample(32, rng))
        if done:
            print(f"step {t}: return {ret:.1f}", *(f"{float(l):.2f}" for l in losses) if t >= 60 else ())
            obs, ret = env.reset(), 0.0

    x = np.stack([env.reset() for _ in range(20)])
    y = agent.actor.predict(x, verbose=0)
    bundler.bundle(agent.actor, args.save)
    np.savez(args.check, x=x, y=y)


main()

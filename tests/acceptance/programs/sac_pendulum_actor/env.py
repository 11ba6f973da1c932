import math
from dataclasses import dataclass

import numpy as np


@dataclass
class Box:
    low: np.ndarray
    high: np.ndarray

    @property
    def scale(self):
        return (self.high - self.low) / 2

    @property
    def center(self):
        return (self.high + self.low) / 2

    def sample(self, rng):
        return rng.uniform(self.low, self.high).astype(np.float32)


@dataclass
class Pendulum:
    seed: int = 0
    max_torque: float = 2.0
    dt: float = 0.05
    horizon: int = 40
    state = None

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        top = np.float32([self.max_torque])
        self.action_space = Box(-top, top * 1.25)  # a lopsided motor

    def _obs(self):
        return np.float32([math.cos(self.state[0]), math.sin(self.state[0]), self.state[1]])

    def reset(self):
        self.state, self.t = self.rng.uniform([-math.pi, -1], [math.pi, 1]), 0
        return self._obs()

    def step(self, action):
        th, om = self.state
        u = float(np.clip(action, self.action_space.low, self.action_space.high)[0])
        th_norm = (th + math.pi) % (2 * math.pi) - math.pi
        reward = -(th_norm ** 2 + 0.1 * om ** 2 + 0.001 * u ** 2)
        om = np.clip(om + (15 * math.sin(th) + 3 * u) * self.dt, -8, 8)
        self.state, self.t = np.array([th + om * self.dt, om]), self.t + 1
        return self._obs(), reward, self.t >= self.horizon

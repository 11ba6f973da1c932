import gymnasium as gym
import numpy as np


class Corridor(gym.Env):
    """Walk on a 5x5 grid to a goal; some cells cost."""

    moves = ((-1, 0), (1, 0), (0, -1), (0, 1))

    def __init__(self, size=5, limit=20):
        self.size, self.limit = size, limit
        self.observation_space = gym.spaces.Box(-size, size, (6,), np.float32)
        self.action_space = gym.spaces.Discrete(len(self.moves))

    def _obs(self):
        swamp = [float(tuple(self.pos + np.array(m)) in self.swamps) for m in self.moves[:2]]
        return np.array([*self.pos, *(self.goal - self.pos), *swamp], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        cells = self.np_random.permutation(self.size**2)
        spots = [np.array(divmod(int(c), self.size)) for c in cells[:5]]
        self.pos, self.goal = spots[0], spots[1]
        self.swamps = {tuple(int(v) for v in s) for s in spots[2:]}
        self.t = 0
        return self._obs(), {}

    def step(self, action):
        before = np.abs(self.goal - self.pos).sum()
        self.pos = np.clip(self.pos + np.array(self.moves[action]), 0, self.size - 1)
        self.t += 1
        done = bool((self.pos == self.goal).all())
        reward = 0.2 * (before - np.abs(self.goal - self.pos).sum()) - 0.05 + 2.0 * done
        reward -= 0.3 * (tuple(int(v) for v in self.pos) in self.swamps)
        return self._obs(), float(reward), done, self.t >= self.limit, {}

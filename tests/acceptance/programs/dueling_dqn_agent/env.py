import gymnasium as gym
import numpy as np
from gymnasium import spaces


class CliffWorld(gym.Env):
    """5x5 grid, start bottom left, goal bottom right, the cells in between are a cliff."""

    metadata = {"render_modes": ["ansi"]}
    MOVES = {0: (-1, 0), 1: (0, 1), 2: (1, 0), 3: (0, -1)}

    def __init__(self, size=5, max_steps=25, render_mode=None):
        self.size = size
        self.max_steps = max_steps
        self.render_mode = render_mode
        self.action_space = spaces.Discrete(4)
        self.observation_space = spaces.Box(0.0, 1.0, shape=(size * size,), dtype=np.float32)

    def _obs(self):
        obs = np.zeros(self.size**2, dtype=np.float32)
        obs[self.pos[0] * self.size + self.pos[1]] = 1.0
        return obs

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.pos = [self.size - 1, 0]
        self.t = 0
        return self._obs(), {}

    def step(self, action):
        dr, dc = self.MOVES[int(action)]
        self.pos[0] = int(np.clip(self.pos[0] + dr, 0, self.size - 1))
        self.pos[1] = int(np.clip(self.pos[1] + dc, 0, self.size - 1))
        self.t += 1
        reward, terminated = -0.05, False
        if self.pos[0] == self.size - 1 and self.pos[1] > 0:
            if self.pos[1] == self.size - 1:
                reward, terminated = 1.0, True
            else:  # fell off the cliff, back to the start
                reward, self.pos = -1.0, [self.size - 1, 0]
        return self._obs(), reward, terminated, self.t >= self.max_steps, {}

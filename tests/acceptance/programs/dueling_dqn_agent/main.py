import argparse

import numpy as np
import tensorflow as tf

from agent import DQNAgent
from bundler import bundle
from env import CliffWorld

BATCH_SIZE = 32


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("numbers")
    ap.add_argument("--episodes", type=int, default=200)
    ap.add_argument("--train-every", type=int, default=3)
    a = ap.parse_args()

    tf.keras.utils.set_random_seed(2024)
    env = CliffWorld()
    agent = DQNAgent(env.observation_space.shape[0], int(env.action_space.n))

    steps = 0
    for e in range(a.episodes):
        state, _ = env.reset(seed=e)
        score, done = 0.0, False
        while not done:
            action = agent.act(state)
            next_state, reward, terminated, truncated, _ = env.step(action)
            done = terminated or truncated
            agent.remember(state, action, reward, next_state, terminated)
            state, score, steps = next_state, score + reward, steps + 1
            if steps % a.train_every == 0:
                agent.replay(BATCH_SIZE)
        print(f"episode: {e}/{a.episodes}, score: {score:.2f}, e: {agent.epsilon:.2}")

    # all cells once, to look at the policy later
    grid = np.eye(env.observation_space.shape[0], dtype="float32")
    q = agent.model.predict(grid, verbose=0)
    print(np.array(list("^>v<"))[q.argmax(1)].reshape(env.size, env.size))

    bundle(agent.model, a.out)

    while len(agent.memory) < BATCH_SIZE:
        s, _ = env.reset()
        s2, r, t, _, _ = env.step(1)
        agent.remember(s, 1, r, s2, t)
    batch = agent.sample(BATCH_SIZE)
    fx, fy = batch[0], agent.make_targets(*batch)
    agent.model.train_on_batch(fx, fy)
    np.savez(a.numbers, x=grid, y=q, fx=fx, fy=fy, after=agent.model.predict(grid, verbose=0))


if __name__ == "__main__":
    main()

import random
from collections import deque

import numpy as np
import tensorflow as tf
from tensorflow.keras import Model
from tensorflow.keras.layers import Add, Dense, Input, Lambda
from tensorflow.keras.optimizers import Adam


class DQNAgent:
    def __init__(self, state_size, action_size, gamma=0.95, tau=0.05, lr=1e-3, dueling=True, double=True):
        self.state_size = state_size
        self.action_size = action_size
        self.memory = deque(maxlen=2000)
        self.gamma = gamma
        self.tau = tau
        self.learning_rate = lr
        self.epsilon = 1.0
        self.epsilon_min = 0.1
        self.epsilon_decay = 0.97
        self.dueling = dueling
        self.double = double

        self.model = self._build_model("online")
        self.target_model = self._build_model("target")
        self.target_model.set_weights(self.model.get_weights())

    @staticmethod
    def _huber_loss(y_true, y_pred, clip_delta=1.0):
        error = y_true - y_pred
        cond = tf.abs(error) <= clip_delta
        squared_loss = 0.5 * tf.square(error)
        linear_loss = clip_delta * (tf.abs(error) - 0.5 * clip_delta)
        return tf.reduce_mean(tf.where(cond, squared_loss, linear_loss))

    def _build_model(self, name):
        state = Input(shape=(self.state_size,), name="state")
        x = Dense(32, activation="relu", kernel_initializer="he_uniform")(state)
        x = Dense(32, activation="relu", kernel_initializer="he_uniform")(x)
        if self.dueling:
            value = Dense(1, activation="linear", kernel_initializer="he_uniform")(x)
            value = Lambda(lambda s: tf.repeat(s, self.action_size, axis=1), output_shape=(self.action_size,))(value)
            advantage = Dense(self.action_size, activation="linear", kernel_initializer="he_uniform")(x)
            advantage = Lambda(
                lambda a: a - tf.reduce_mean(a, axis=1, keepdims=True), output_shape=(self.action_size,)
            )(advantage)
            q = Add()([value, advantage])
        else:
            q = Dense(self.action_size, activation="linear")(x)

        model = Model(inputs=state, outputs=q, name=name)
        model.compile(loss=self._huber_loss, optimizer=Adam(learning_rate=self.learning_rate))
        return model

    def update_target_model(self):
        mixed = [self.tau * w + (1 - self.tau) * t
                 for w, t in zip(self.model.get_weights(), self.target_model.get_weights())]
        self.target_model.set_weights(mixed)

    def remember(self, state, action, reward, next_state, done):
        self.memory.append((state, action, reward, next_state, done))

    def act(self, state):
        if random.random() <= self.epsilon:
            return random.randrange(self.action_size)
        return int(np.argmax(self.model(state[None])[0]))

    def sample(self, batch_size):
        batch = random.sample(list(self.memory), batch_size)
        s, a, r, s2, d = map(np.array, zip(*batch))
        return s.astype("float32"), a, r.astype("float32"), s2.astype("float32"), d.astype("float32")

    def make_targets(self, s, a, r, s2, d):
        target = self.model(s).numpy()
        target_next = self.target_model(s2).numpy()
        if self.double:
            best = np.argmax(self.model(s2).numpy(), axis=1)
        else:
            best = np.argmax(target_next, axis=1)
        rows = np.arange(len(s))
        target[rows, a] = r + self.gamma * (1 - d) * target_next[rows, best]
        return target

    def replay(self, batch_size):
        if len(self.memory) < batch_size:
            return None
        batch = self.sample(batch_size)
        loss = self.model.train_on_batch(batch[0], self.make_targets(*batch))
        self.update_target_model()
        self.epsilon = max(self.epsilon_min, self.epsilon * self.epsilon_decay)
        return loss

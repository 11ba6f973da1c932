"""Neural decision forest: each tree draws its features at random in its constructor and keeps them outside the weights."""

import keras
import numpy as np
from keras import layers, ops


class SoftTree(keras.Model):
    def __init__(self, depth, num_features, rate, num_classes):
        super().__init__()
        self.depth = depth
        self.num_leaves = 2**depth
        self.num_classes = num_classes
        used = int(num_features * rate)
        one_hot = np.eye(num_features)
        chosen = np.random.choice(np.arange(num_features), used, replace=False)
        self.mask = ops.convert_to_tensor(one_hot[chosen], dtype="float32")
        self.pi = self.add_weight(initializer="random_normal", shape=[self.num_leaves, num_classes], trainable=True)
        self.decide = layers.Dense(units=self.num_leaves, activation="sigmoid", name="decision")

    def call(self, features):
        batch_size = ops.shape(features)[0]
        features = ops.matmul(features, ops.transpose(self.mask))
        decisions = ops.expand_dims(self.decide(features), axis=2)
        decisions = layers.concatenate([decisions, 1 - decisions], axis=2)
        mu = ops.ones([batch_size, 1, 1])
        begin, end = 1, 2
        for level in range(self.depth):
            mu = ops.reshape(mu, [batch_size, -1, 1])
            mu = ops.tile(mu, (1, 1, 2)) * decisions[:, begin:end, :]
            begin, end = end, end + 2 ** (level + 1)
        mu = ops.reshape(mu, [batch_size, self.num_leaves])
        return ops.matmul(mu, ops.softmax(self.pi))


class SoftForest(keras.Model):
    def __init__(self, num_trees, depth, num_features, rate, num_classes):
        super().__init__()
        self.trees = []
        for _ in range(num_trees):
            self.trees.append(SoftTree(depth, num_features, rate, num_classes))
        self.num_classes = num_classes

    def call(self, inputs):
        return sum(tree(inputs) for tree in self.trees) / len(self.trees)


def forest_model(num_trees=3):
    forest = SoftForest(num_trees, depth=3, num_features=10, rate=0.5, num_classes=2)
    x = keras.Input((10,))
    model = keras.Model(x, forest(layers.BatchNormalization()(x)))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(5, 10)).astype("float32")


def training_data():
    return inputs(), np.array([0, 1, 0, 1, 1])


def make():
    model = forest_model()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("forest_model", {"num_trees": 3})

import tensorflow as tf

from .data import N_ITEMS, N_USERS


def mlp(units, activation="relu", name=None):
    return tf.keras.Sequential(
        [tf.keras.layers.Dense(u, activation=activation) for u in units[:-1]]
        + [tf.keras.layers.Dense(units[-1])],
        name=name,
    )


class NormalizedOutput:
    """Mixin: unit length vectors."""

    def finish(self, vectors):
        return tf.math.l2_normalize(vectors, axis=-1)


class UserTower(NormalizedOutput, tf.keras.Model):
    def __init__(self, dim, age_buckets):
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(N_USERS + 1, dim)
        self.age_bucket = tf.keras.layers.Discretization(bin_boundaries=age_buckets)
        self.age_embedding = tf.keras.layers.Embedding(len(age_buckets) + 1, 4)
        self.dense = mlp([16, dim])

    def call(self, inputs):
        user = self.embedding(inputs["user_id"])
        age = self.age_embedding(self.age_bucket(inputs["age"]))
        return self.finish(self.dense(tf.concat([user, age], axis=1)))


class ItemTower(NormalizedOutput, tf.keras.Model):
    def __init__(self, dim):
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(N_ITEMS + 1, dim)
        self.genre = tf.keras.layers.Dense(4, use_bias=False)
        self.dense = mlp([16, dim])

    def call(self, inputs):
        item = self.embedding(inputs["item_id"])
        genre = self.genre(inputs["genres"])
        return self.finish(self.dense(tf.concat([item, genre], axis=1)))


class TwoTowerRanker(tf.keras.Model):
    def __init__(self, dim, task, age_buckets=(25.0, 35.0, 50.0), retrieval_weight=0.5):
        super().__init__()
        self.user_model = UserTower(dim, list(age_buckets))
        self.item_model = ItemTower(dim)
        self.heads = {
            "rating": mlp([12, 1], name="rating_head"),
            "click": mlp([12, 1], name="click_head"),
        }
        self.task = task
        self.retrieval_weight = retrieval_weight
        self.retrieval_tracker = tf.keras.metrics.Mean(name="retrieval_loss")

    def towers(self, inputs):
        return self.user_model(inputs), self.item_model(inputs)

    def rank(self, user, item):
        both = tf.concat([user, item, user * item], axis=1)
        out = {name: head(both) for name, head in self.heads.items()}
        out["rating"] = 1.0 + 4.0 * tf.sigmoid(out["rating"])
        out["click"] = tf.sigmoid(out["click"])
        return out

    def call(self, inputs):
        return self.rank(*self.towers(inputs))

    def joint_loss(self, x, y):
        user, item = self.towers(x)
        outputs = self.rank(user, item)
        ranking = self.compute_loss(x=x, y=y, y_pred=outputs)
        retrieval = self.task(user, item, x["item_id"])
        self.retrieval_tracker.update_state(retrieval)
        return outputs, ranking + self.retrieval_weight * retrieval

    def train_step(self, data):
        x, y, _ = tf.keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            outputs, loss = self.joint_loss(x, y)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return self.report(x, y, outputs, loss)

    def test_step(self, data):
        x, y, _ = tf.keras.utils.unpack_x_y_sample_weight(data)
        outputs, loss = self.joint_loss(x, y)
        return self.report(x, y, outputs, loss)

    def report(self, x, y, outputs, loss):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return self.compute_metrics(x, y, outputs)

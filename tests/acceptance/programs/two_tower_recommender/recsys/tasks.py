import numpy as np
import tensorflow as tf

LARGE = 1e9


class RetrievalTask:
    """In-batch sampled softmax; a plain object, as it has nothing to train."""

    def __init__(self, popularity=None, temperature=0.2, remove_accidental_hits=True):
        self.log_q = None if popularity is None else np.log(popularity).astype("float32")
        self.temperature = temperature
        self.remove_accidental_hits = remove_accidental_hits

    def __call__(self, queries, candidates, candidate_ids):
        logits = tf.matmul(queries, candidates, transpose_b=True) / self.temperature
        labels = tf.eye(tf.shape(logits)[0])
        if self.log_q is not None:
            logits -= tf.gather(self.log_q, candidate_ids)[None, :]
        if self.remove_accidental_hits:
            same = tf.cast(candidate_ids[:, None] == candidate_ids[None, :], tf.float32)
            logits -= (same - labels) * LARGE
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels, logits))

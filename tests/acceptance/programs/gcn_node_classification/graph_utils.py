import networkx as nx
import numpy as np
import scipy.sparse as sp
import tensorflow as tf


def load_graph(sizes=(24, 20, 16), p_in=0.25, p_out=0.02, n_words=30, seed=0):
    """A community graph with noisy bag-of-words features, in place of Cora."""
    graph = nx.random_partition_graph(list(sizes), p_in, p_out, seed=seed)
    labels = np.empty(graph.number_of_nodes(), dtype=np.int64)
    for c, members in enumerate(graph.graph["partition"]):
        labels[list(members)] = c
    rng = np.random.RandomState(seed)
    topics = rng.rand(len(sizes), n_words) ** 4
    features = (rng.rand(len(labels), n_words) < 0.05 + 0.5 * topics[labels]).astype("float32")
    adj = nx.to_scipy_sparse_array(graph, nodelist=sorted(graph.nodes), format="csr")
    return sp.csr_matrix(adj), features, labels


def normalize_adj(adj, symmetric=True):
    if symmetric:
        d = sp.diags(np.power(np.maximum(np.array(adj.sum(1)), 1), -0.5).flatten(), 0)
        return adj.dot(d).transpose().dot(d).tocsr()
    d = sp.diags(np.power(np.array(adj.sum(1)), -1).flatten(), 0)
    return d.dot(adj).tocsr()


def preprocess_adj(adj, symmetric=True):
    return normalize_adj(adj + sp.eye(adj.shape[0]), symmetric)


def sparse_to_tensor(mx):
    coo = mx.tocoo()
    indices = np.stack([coo.row, coo.col], axis=1).astype(np.int64)
    return tf.sparse.reorder(tf.SparseTensor(indices, coo.data.astype("float32"), coo.shape))


def preprocess_features(x):
    return x / np.maximum(x.sum(1, keepdims=True), 1.0)


def sample_mask(idx, length):
    mask = np.zeros(length, dtype="float32")
    mask[idx] = 1
    return mask


def get_splits(labels, per_class=6, seed=0):
    rng = np.random.RandomState(seed)
    idx_train = np.concatenate([rng.permutation(np.where(labels == c)[0])[:per_class] for c in np.unique(labels)])
    rest = np.setdiff1d(np.arange(len(labels)), idx_train)
    return idx_train, rest

import networkx as nx
import numpy as np

from featurize import ELEMENTS, Atoms, Bonds

MAX_ATOMS, MAX_EDGES = 12, 28
ATOMS, BONDS = Atoms(), Bonds()


def random_molecule(rng):
    g, n = nx.Graph(), int(rng.integers(4, MAX_ATOMS + 1))
    for i in range(n):
        open_ = [a for a in g if g.degree(a) < ELEMENTS[g.nodes[a]["symbol"]]["valence"]]
        if i and not open_:
            break
        g.add_node(i, symbol=str(rng.choice(list(ELEMENTS), p=[.6, .2, .15, .05])))
        if i:
            g.add_edge(i, int(rng.choice(open_)), order=int(rng.integers(1, 3)))
    free = [a for a in g if g.degree(a) < ELEMENTS[g.nodes[a]["symbol"]]["valence"]]
    if len(free) > 2 and rng.random() < 0.6:
        g.add_edge(free[0], free[-1], order=1)
    return nx.convert_node_labels_to_integers(g)


def encode(g):
    ring = {frozenset(e) for c in nx.cycle_basis(g) for e in zip(c, c[1:] + c[:1])}
    atoms = np.zeros((MAX_ATOMS, ATOMS.dim), "float32")
    edges = np.zeros((MAX_EDGES, 2), "int32")
    bonds = np.zeros((MAX_EDGES, BONDS.dim), "float32")
    for i, d in g.nodes(data=True):
        atoms[i] = ATOMS.encode(symbol=d["symbol"], degree=g.degree(i))
    pairs = [(*p, d) for a, b, d in g.edges(data=True) for p in ((a, b), (b, a))]
    for k, (a, b, d) in enumerate(pairs):
        edges[k], bonds[k] = (a, b), BONDS.encode(order=d["order"], ring=frozenset((a, b)) in ring)
    sizes = np.array([len(g), len(pairs)], "int32")
    mass = sum(ELEMENTS[s]["mass"] for _, s in g.nodes(data="symbol")) / 100
    return dict(atoms=atoms, edges=edges, bonds=bonds, sizes=sizes), [float(bool(ring)), mass]


def batch(n, seed, missing=0.0):
    rng = np.random.default_rng(seed)
    xs, ys = zip(*(encode(random_molecule(rng)) for _ in range(n)))
    y = np.array(ys, "float32")
    y[rng.random(y.shape) < missing] = np.nan
    return {k: np.stack([x[k] for x in xs]) for k in xs[0]}, y

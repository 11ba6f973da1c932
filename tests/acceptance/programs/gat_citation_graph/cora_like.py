import numpy as np
import pandas as pd

N_PAPERS, N_TERMS = 90, 24
SUBJECTS = ["Genetic_Algorithms", "Neural_Networks", "Theory"]


def load():
    rng = np.random.default_rng(11)
    ids = rng.permutation(np.arange(1000, 1000 + N_PAPERS))
    subject = rng.integers(0, len(SUBJECTS), N_PAPERS)
    profile = rng.uniform(0, 0.5, (len(SUBJECTS), N_TERMS)) ** 1.5
    terms = (rng.uniform(size=(N_PAPERS, N_TERMS)) < profile[subject]).astype(int)
    papers = pd.DataFrame(terms, columns=[f"term_{i}" for i in range(N_TERMS)])
    papers.insert(0, "paper_id", ids)
    papers["subject"] = [SUBJECTS[s] for s in subject]

    rows = []
    for i in range(N_PAPERS):
        same = np.flatnonzero(subject == subject[i])
        for j in np.concatenate([rng.choice(same, 3), rng.integers(0, N_PAPERS, 1)]):
            if i != j:
                rows.append((ids[j], ids[i]))
    return papers, pd.DataFrame(rows, columns=["target", "source"]).drop_duplicates()

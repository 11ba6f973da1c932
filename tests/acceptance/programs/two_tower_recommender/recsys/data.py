import numpy as np
import pandas as pd

N_USERS, N_ITEMS, N_GENRES = 60, 40, 5
GENRE_COLS = [f"genre_{g}" for g in range(N_GENRES)]


def make_interactions(n, seed=0):
    """Users like the items whose genres agree with their (hidden) taste."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(N_USERS, N_GENRES))
    genres = (rng.random((N_ITEMS, N_GENRES)) < 0.4).astype("float32")
    df = pd.DataFrame(
        {
            "user_id": rng.integers(0, N_USERS, n),
            "item_id": np.minimum(rng.geometric(0.08, n) - 1, N_ITEMS - 1),
        }
    )
    df["age"] = 18.0 + (df.user_id * 37 % 50)
    score = np.einsum("ng,ng->n", taste[df.user_id], genres[df.item_id])
    df["rating"] = np.clip(np.round(3 + score + rng.normal(0, 0.5, n)), 1, 5)
    df["clicked"] = (df.rating >= 4).astype("float32")
    df[GENRE_COLS] = genres[df.item_id]
    return df


def as_inputs(df):
    x = {
        "user_id": df.user_id.to_numpy("int32"),
        "age": df.age.to_numpy("float32"),
        "item_id": df.item_id.to_numpy("int32"),
        "genres": df[GENRE_COLS].to_numpy("float32"),
    }
    y = {
        "rating": df.rating.to_numpy("float32")[:, None],
        "click": df.clicked.to_numpy("float32")[:, None],
    }
    return x, y

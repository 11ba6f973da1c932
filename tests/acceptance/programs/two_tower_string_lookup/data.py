import numpy as np
import pandas as pd

ADJ = ["Dark", "Silent", "Golden", "Lost", "Last", "Crazy"]
NOUN = ["River", "Empire", "Summer", "Detective", "Robots", "Kingdom"]
GENRES = ["Action", "Comedy", "Drama", "Romance", "Sci-Fi"]
JOBS = ["artist", "student", "writer", "engineer", "other"]


def load(n=480, n_users=25, n_movies=18, seed=0):
    rng = np.random.default_rng(seed)
    users = pd.DataFrame({
        "user_id": [f"user_{i}" for i in range(n_users)],
        "sex": rng.choice(["M", "F"], n_users),
        "age": rng.integers(16, 65, n_users).astype("float32"),
        "occupation": rng.choice(JOBS, n_users),
        "zip_prefix": rng.integers(100, 108, n_users),
    })
    movies = pd.DataFrame({
        "movie_id": [f"movie_{i}" for i in range(n_movies)],
        "movie_title": [f"{rng.choice(ADJ)} {rng.choice(NOUN)}, The ({rng.integers(1970, 2000)})" for _ in range(n_movies)],
        "genres": ["|".join(rng.choice(GENRES, rng.integers(1, 4), replace=False)) for _ in range(n_movies)],
    })
    u, m = rng.integers(0, n_users, n), rng.integers(0, n_movies, n)
    uf, mf = rng.normal(size=(n_users, 2)), rng.normal(size=(n_movies, 2))
    score = 3.3 + (uf[u] * mf[m]).sum(1) * 0.8 + 0.4 * (users.sex[u].to_numpy() == "F")
    ratings = pd.DataFrame({
        "user_id": users.user_id[u].to_numpy(), "movie_id": movies.movie_id[m].to_numpy(),
        "timestamp": (8.8e8 + rng.uniform(0, 2e7, n)).astype("float32"),
        "rating": np.clip(np.round(score + rng.normal(0, 0.3, n)), 1, 5).astype("float32"),
    })
    return ratings.merge(users, on="user_id").merge(movies, on="movie_id"), users, movies

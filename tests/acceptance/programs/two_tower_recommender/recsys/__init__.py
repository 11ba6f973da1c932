from .data import make_interactions, N_GENRES, N_ITEMS, N_USERS
from .model import TwoTowerRanker
from .tasks import RetrievalTask

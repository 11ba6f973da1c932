from .config import TSConfig
from .model import TSFormer
from .training import NoamSchedule, horizon_weighted_mse, mae_at

__version__ = "0.1.0"

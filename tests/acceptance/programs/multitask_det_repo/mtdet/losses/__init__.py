from .dense import *
from .builder import build_losses

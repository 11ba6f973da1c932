from .registry import *
from .config import *
from .optim import *

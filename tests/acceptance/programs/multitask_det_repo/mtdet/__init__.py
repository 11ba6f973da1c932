from .utils import *
from .layers import *
from .losses import *
from .models import *

__version__ = "0.2.dev0"

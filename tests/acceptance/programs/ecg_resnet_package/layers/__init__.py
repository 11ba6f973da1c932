from .blocks import *
from .pooling import *

from .norm_act import *
from .blocks import *
from .drop import DropPath

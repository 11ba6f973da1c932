from .registry import BLOCKS, LOSSES, SCHEDULES, build_from_cfg
from . import modules
from . import losses
from . import schedules

from .backbone import *
from .necks import *
from .heads import *
from .detector import *
from .builder import *

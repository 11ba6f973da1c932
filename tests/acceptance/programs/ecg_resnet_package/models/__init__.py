from .registry import MODELS, build_model
from .resnet import *

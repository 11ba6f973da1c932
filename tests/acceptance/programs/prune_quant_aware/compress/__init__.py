from .quant import bitwidth, fake_quant, get_bits
from .layers import *
from .prune import PolySparsity, UpdateMasks, MaskedSGD

from .solvers import odeint
from .model import ODENet

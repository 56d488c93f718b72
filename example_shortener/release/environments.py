"""Where scripts import it from: see `machine/environments.py`."""

from machine.environments import Environment as Environment

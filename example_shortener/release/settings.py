"""Where scripts import it from: see `machine/settings.py`."""

from machine.settings import load as load

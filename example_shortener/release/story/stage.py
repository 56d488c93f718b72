"""Where scripts import it from: see `incident/stage.py`."""

from incident.stage import build_repository as build_repository

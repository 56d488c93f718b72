"""Where scripts import it from: see `machine/monitoring.py`."""

from machine.monitoring import prometheus_port as prometheus_port

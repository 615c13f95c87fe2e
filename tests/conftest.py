"""What holds in all rooms: hypothesis draws the same examples each time, however slow the machine
is, and commands that tests start can be interrupted."""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixed")

# A shell lets what it starts in the background ignore SIGINT, and so do all its descendants.
signal.signal(signal.SIGINT, signal.default_int_handler)

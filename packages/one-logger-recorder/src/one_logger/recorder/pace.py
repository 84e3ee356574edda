"""How a channel divides its work, so that the job is never held up by it."""

from __future__ import annotations

WAKE_AT = 2_048
"""How many queued records wake the worker before its interval is over."""

LOOK_EVERY = 31
"""By how many records the queue grows between two looks at its size in bytes. A prime, so that a job whose records come
in a pattern is not looked at in the same place of it every time."""

BATCH = 1_024
"""How many records an exporter buffers at most before it is told to ship them."""

SLICE = 200e-6
"""Seconds that the worker exports before it stands aside and lets the job run."""

HURRIED_SLICE = 1e-3
"""The same while somebody waits for a flush or the queue is half full: losing nothing comes before smoothness then."""

CLOSING_SLICE = 10e-3
"""The same while the recorder is closed: the job is over."""

PAUSE = 50e-6
"""Seconds that the worker stands aside. The interpreter lock is not fair: without sleeping, a thread that gives it up
has taken it again before another has woken up."""

CHUNK = 8
"""How many records are exported between two looks at the clock."""

LONGEST_PAUSE = 1.0
"""Seconds between attempts at a failing exporter while somebody waits for a delivery, at most."""

BLOCK_STEP = 1e-3
"""Seconds between two looks at a full queue for a thread that waits for room."""

FIRST_LOOK = 0.5
"""Seconds after which the worker first does something, at most. Not at once: servers often fork just after set-up."""

NOTED_STOPS = 4_096
"""Of how many stops it is known that the worker has taken them. A thread that was interrupted while it stopped a span
asks at once: some stops may have been taken meanwhile, but not thousands."""

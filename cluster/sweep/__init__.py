"""One sweep's state: its folder, stores, coordinator, verdict, how it is stopped, resumed and given more trials.

From outside: ``home.SweepHome``, ``coordinator``, ``reading.reading``.
"""

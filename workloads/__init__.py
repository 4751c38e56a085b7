"""Data, models, tasks and training loops in PyTorch. ``cluster`` runs them through ``legs``.

Only ``legs.ray_train`` and ``data.streaming.ray_data`` import Ray, so that the loops run where torch alone is.
"""

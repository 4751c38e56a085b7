"""One leg inside a worker: load, train, report, save, score.

From outside: ``runner.LegRunner``, ``checkpoint``, ``ray_train`` (the only file that imports Ray Train).
"""

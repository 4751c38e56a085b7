"""Results of a sweep: comparisons with intervals, importance, the champion's report, the registered model.

From outside: ``compare``, ``report``, ``registered_model``.
"""

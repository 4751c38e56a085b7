"""What came out: comparisons with intervals, importance, the winner's report, the registered model.

From outside: ``compare``, ``report``, ``registered_model``.
"""

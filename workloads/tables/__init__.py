"""Tables: kinds of columns, and the pipeline that turns raw columns into features.

From outside: ``pipeline.Fitted``, ``columns.encode``, ``hyperparameters.TableFeatures``.
"""

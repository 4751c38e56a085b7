"""Tables: kinds of columns, and the pipeline from raw columns to features.

From outside: ``pipeline.Fitted``, ``columns.encode``, ``hyperparameters.TableFeatures``.
"""

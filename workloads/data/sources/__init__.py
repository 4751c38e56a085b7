"""Reads sources of data, one file for each kind: tables, images, texts, series, torchvision's data sets.

From outside: ``read.read``, ``read.read_ordered``, which choose the reader; ``image_records``, ``image_files``.
"""

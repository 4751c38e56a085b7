"""Gradient-boosted trees of scikit-learn, for tables: categories and missing values stay as they are."""

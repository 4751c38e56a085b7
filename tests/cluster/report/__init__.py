"""Tests of the sweep's report."""

"""Tests of what one does with a champion."""

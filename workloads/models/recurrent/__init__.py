"""Texts and series: recurrent cells, attention, forecasts and next characters."""

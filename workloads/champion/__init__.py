"""Exports and inspects the champion: its model for serving, its mistakes, a table's model with its pipeline.

From outside: ``export.export``, ``table_model``, ``inspection.inspect`` of a ``winner.Subject``,
``onnx_file.write_onnx``.
"""

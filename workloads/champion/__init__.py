"""Exports and inspects the champion: its model for serving, its mistakes, a table's model with its pipeline.

From outside: ``export``, ``table_model``, ``inspection.inspect``, ``onnx_file.write_onnx``.
"""

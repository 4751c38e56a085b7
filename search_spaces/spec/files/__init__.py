"""Files of text: how they are compressed, encoded and, of CSV, written."""

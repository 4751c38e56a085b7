"""Data that does not fit into memory and is read anew in each epoch, here or by Ray Data."""

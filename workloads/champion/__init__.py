"""The winner as a product: exported, inspected, its mistakes shown, a table's model saved with its pipeline."""

"""The rules of a sweep file, one module for each part of it; each gives all the faults that it finds."""

"""Files of users' code: temporary folders, and folders of a checkpoint on a disk or in an object store.

From outside: ``saved_files``, ``artifacts``, ``listed_folder``, ``stores``.
"""

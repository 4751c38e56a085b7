"""Texts that are classified or scored one by one."""

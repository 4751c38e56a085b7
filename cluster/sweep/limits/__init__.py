"""What a sweep may use and has used, and what ends its search early."""

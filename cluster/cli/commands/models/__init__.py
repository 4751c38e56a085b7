"""Commands that use a sweep's champion."""

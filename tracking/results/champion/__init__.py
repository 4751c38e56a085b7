"""The sections of the champion's report: each draws one part of its inspection."""

"""Check a change: gather facts about it, run its checks, and decide."""

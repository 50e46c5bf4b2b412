"""Models in Python: their functions run in processes of their own, bounded in memory and time.

The way in is `run.py`; nothing is imported here, since the processes load this room, too.
"""

"""Handlers run in processes of their own, bounded in memory and time for each record.

The way in is `pool.py`; nothing is imported here, since the processes load this room, too.
"""

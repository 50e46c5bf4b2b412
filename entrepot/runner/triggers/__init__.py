"""Triggers: when something runs. In come settings, memory and happenings, out come firings; nothing here looks at a clock or a disk."""

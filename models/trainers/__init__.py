"""Trainers: the processes that learn one model together, each its own part of every batch."""

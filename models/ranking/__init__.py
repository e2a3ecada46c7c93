"""Ranking: the multi-task network, its examples, its calibration and the tree that it has to beat."""

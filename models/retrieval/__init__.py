"""Retrieval: the two towers, their training and the frequency estimator that corrects their loss."""

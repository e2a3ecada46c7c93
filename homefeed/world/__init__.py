"""A deterministic synthetic site with known truth: catalogue, viewers with tastes, behaviour, history, live viewers."""

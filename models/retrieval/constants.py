"""What the towers' graph and their vectors in numpy are both made by; no TensorFlow here, which no page waits for."""

SECOND_US, DAY_US = 1_000_000, 86_400_000_000
#: Log of the seconds of a day, and of a video of seven minutes, about.
LOG_DAY, LOG_DURATION = 11.4, 6.0
#: Years of age per bucket, and how many buckets there are besides "unknown".
AGE_BUCKET, NUM_AGES = 10, 13
#: Below 1.001e-5 Keras computes the normalisation by plain operations. Its fused kernel (oneDNN's batch normalisation)
#: corrupts the heap when several threads answer requests of different lengths with one graph.
NORM_EPSILON = 1e-6

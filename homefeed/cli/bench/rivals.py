"""The same vectors in other libraries, as far as they are installed: pip install 'homefeed[bench]'."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

#: One setting of a library: query [d], k -> rows [k].
Search = Callable[[NDArray[np.float32], int], NDArray[np.int64]]
#: Name -> the package that `import` knows.
PACKAGES = {"hnswlib": "hnswlib", "faiss": "faiss"}


def missing() -> list[str]:
    """Names of the libraries that are not installed."""
    return [name for name, package in PACKAGES.items() if find_spec(package) is None]


def hnswlib(vectors: NDArray[np.float32]) -> Iterator[Search]:
    """A graph of 32 links a node, made with a beam of 200; settings that find more and more.

    A graph finds little by dot product when norms differ, so one more dimension makes all norms the same: then the
    nearest by distance are those of the largest dot product (Bachrach et al. 2014, section 3).
    """
    import hnswlib as library

    square = np.einsum("nd,nd->n", vectors, vectors)
    extended = np.column_stack([vectors, np.sqrt(square.max() - square)])
    index = library.Index("l2", extended.shape[1])
    index.init_index(len(extended), M=32, ef_construction=200)
    index.add_items(extended)
    index.set_num_threads(1)
    for beam in (1000, 1500, 2000, 3000, 5000):
        index.set_ef(beam)
        yield lambda query, k: index.knn_query(np.append(query, np.float32(0)), k)[0][0].astype(np.int64)


def faiss(vectors: NDArray[np.float32]) -> Iterator[Search]:
    """IVF with sqrt(v) lists, product quantisation of two dimensions in 4 bits, scored again exactly: what ScaNN does,
    in FAISS; settings that look into more lists and score more again."""
    import faiss as library

    leaves = int(np.sqrt(len(vectors)))
    index = library.index_factory(
        vectors.shape[1], f"IVF{leaves},PQ{vectors.shape[1] // 2}x4fs,RFlat", library.METRIC_INNER_PRODUCT
    )
    sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), 100 * leaves), replace=False)
    index.train(np.asarray(vectors[np.sort(sample)]))
    index.add(np.asarray(vectors))
    library.omp_set_num_threads(1)
    lists = library.downcast_index(index.base_index)
    for share, again in ((0.01, 2), (0.02, 3), (0.04, 4), (0.08, 6), (0.16, 8), (0.3, 12)):
        lists.nprobe, index.k_factor = max(1, int(share * leaves)), again
        yield lambda query, k: index.search(query[None, :], k)[1][0]


RIVALS: dict[str, Callable[[NDArray[np.float32]], Iterator[Search]]] = {"hnswlib": hnswlib, "faiss": faiss}

"""A bundle is one directory, published and served as one: towers, ranker, index, snapshot, value weights, manifest."""

from models.bundle.build import build_bundle
from models.bundle.bundle import Bundle
from models.bundle.load import BundleError, bundle_path, load_bundle

__all__ = ["Bundle", "BundleError", "build_bundle", "bundle_path", "load_bundle"]

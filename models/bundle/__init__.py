"""A bundle is one directory, published and served as one: towers, ranker, index, snapshot, value weights, manifest."""

from models.bundle.build import build_bundle
from models.bundle.bundle import Bundle
from models.bundle.load import BundleError, bundle_path, load_bundle
from models.bundle.page_weights import another_version

__all__ = ["Bundle", "BundleError", "another_version", "build_bundle", "bundle_path", "load_bundle"]

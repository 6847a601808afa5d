"""What is segmented with is the bundle that the tests of `bundle` make."""

from tests.bundle.conftest import bundle, made_bundle

__all__ = ["bundle", "made_bundle"]

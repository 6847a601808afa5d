"""What is segmented with is the bundle that the tests of `bundle` make."""

from tests.bundle.conftest import bundle, made_bundle
from tests.ingest.conftest import fake
from tests.ingest.pacs.conftest import orthanc

__all__ = ["bundle", "fake", "made_bundle", "orthanc"]

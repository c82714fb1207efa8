"""One server process for all tests of a worker that speak HTTP: it keeps nothing that is not in the database."""

from collections.abc import Iterator

import pytest

from exchanges.paper.tests.serving import Server, serving


@pytest.fixture(scope="session")
def _serving(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("paperexchange")) as server:
        yield server


@pytest.fixture
def server(_serving: Server) -> Server:
    """The paper exchange over HTTP, on the database of this test, which must be marked transaction=True."""
    assert _serving.process.poll() is None, _serving.log.read_text()
    return _serving

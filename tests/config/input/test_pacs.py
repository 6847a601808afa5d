"""A PACS needs an address and a query; a password in it is never repeated."""

import pytest

PACS = {"url": "https://pacs.example/web", "query": "query.tsv"}


def test_a_password_in_the_address_is_refused_and_not_repeated(refuse):
    pacs = PACS | {"url": "https://someone:hush@pacs.example/web"}
    assert "hush" not in refuse({"input": {"pacs": pacs}}, "url must not have a pass")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "https://a"}, "input.pacs: query"),
        ({**PACS, "url": "ftp://a"}, "url is needed for dicomweb"),
        ({**PACS, "protocol": "c-get"}, "host is needed for c-get"),
        ({**PACS, "description": "("}, "no regular expression"),
        (
            {**PACS, "drawings": False},
            "input.pacs: drawings is called annotations now; rename the key",
        ),
        (PACS | {"dates": ["20250101", "20240101"]}, "first of"),
    ],
)
def test_what_cannot_be_fetched_is_refused(refuse, values, message):
    refuse({"input": {"pacs": values}}, message)

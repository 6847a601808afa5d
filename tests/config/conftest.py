"""How tests of the configuration say that a study is impossible."""

import pytest

from medinorm.config import parse_study
from medinorm.errors import ConfigError


@pytest.fixture
def refuse():
    """Assert that a study is refused in one line that matches `message`."""

    def check(values, message):
        with pytest.raises(ConfigError, match=message) as caught:
            parse_study(values)
        text = str(caught.value)
        assert "\n" not in text
        return text

    return check

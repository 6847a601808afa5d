from medinorm.bundle.model_card import CARD


def test_the_card_says_what_to_expect_and_how_to_start(made_bundle):
    text = (made_bundle[1] / CARD).read_text()
    assert "| Dice on domains never seen | 0.700 (0.600 to 0.800) |" in text
    assert "| expected on one further domain | not known |" in text
    assert "| licence | CC0 |" in text
    assert "medinorm segment --bundle" in text
    assert "flagged in at most 5% of cases" in text
    assert "% by noise and sharpness and" in text

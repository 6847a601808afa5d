from medinorm.config import SelectRule
from medinorm.ingest.plan.choose_channels import (
    ChannelOption,
    channel_of,
    choose_channels,
)
from medinorm.ingest.plan.judge_series import SeriesPart

CHANNELS = ("t1", "flair")


def option(channel, *, rule=0, labelled=True, reason=""):
    return ChannelOption(channel, SeriesPart([], reason=reason, rule=rule), labelled)


def choose(*options):
    return choose_channels(dict(enumerate(options)), CHANNELS)


def test_the_channel_of_a_rule():
    rules = [SelectRule(channel="t1"), SelectRule()]
    parts = [SeriesPart([], rule=rule) for rule in (0, 1, None)]
    assert [channel_of(part, rules) for part in parts] == ["t1", None, None]


def test_channels_come_in_the_order_of_the_study():
    chosen = choose(option("flair"), option(None, rule=None), option("t1"))
    assert list(chosen.items()) == [("t1", 2), ("flair", 0)]


def test_a_label_map_decides_before_the_rule():
    first, second = option("t1", labelled=False), option("t1", rule=2)
    assert choose(first, second, option("flair")) == {"t1": 1, "flair": 2}


def test_the_earlier_rule_decides():
    assert choose(option("t1", rule=1), option("t1"), option("flair"))["t1"] == 1


def test_several_that_nothing_tells_apart():
    reason = choose(option("t1"), option("t1"), option("flair"))
    assert reason.startswith("2 series of the session fit channel t1; narrow")


def test_what_is_wrong_is_never_chosen():
    wrong = option("t1", reason="tilt: 12 degrees")
    assert choose(wrong, option("t1", rule=1), option("flair"))["t1"] == 1
    assert choose(wrong, option("flair")) == "channel t1 is missing: tilt: 12 degrees"


def test_a_missing_channel_is_named():
    reason = choose(option("t1"))
    assert reason == "channel flair is missing: no series of the session fits its rules"

"""Which series of a session is which channel, in a study of several channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medinorm.config import SelectRule
from medinorm.ingest.plan.judge_series import SeriesPart


@dataclass(frozen=True)
class ChannelOption:
    """A volume of a session that may be one of its channels.

    Args:
        channel: which one, by the rule that takes it; ``None`` if no rule does.
        series_part: the volume, or why it is left out.
        labelled: whether a label map belongs to it.
    """

    channel: str | None
    series_part: SeriesPart
    labelled: bool


def channel_of(series_part: SeriesPart, rules: Sequence[SelectRule]) -> str | None:
    """The channel of the rule that takes a volume."""
    return None if series_part.rule is None else rules[series_part.rule].channel


def choose_channels(
    options: Mapping[int, ChannelOption], channels: Sequence[str]
) -> Mapping[str, int] | str:
    """Choose one volume for each channel of a session.

    Of several the one with a label map is chosen, then that of the earlier rule.

    Args:
        options: the volumes of the session by any number.
        channels: of the study, in its order.

    Returns:
        The number of the volume of each channel; or why the session is left out.
    """
    chosen: dict[str, int] = {}
    for channel in channels:
        own = {n: option for n, option in options.items() if option.channel == channel}
        best = _preferred(own)
        if not best:
            return _why_missing(channel, own)
        if len(best) > 1:
            return (
                f"{len(best)} series of the session fit channel {channel}; narrow the "
                "rules of ingest.select"
            )
        chosen[channel] = best[0]
    return chosen


def _preferred(own: Mapping[int, ChannelOption]) -> list[int]:
    """The usable volumes of one channel that nothing is better than."""
    ranks = {
        number: (not option.labelled, option.series_part.rule or 0)
        for number, option in own.items()
        if not option.series_part.reason
    }
    return [number for number, rank in ranks.items() if rank == min(ranks.values())]


def _why_missing(channel: str, own: Mapping[int, ChannelOption]) -> str:
    """Why a session has nothing for a channel."""
    for option in own.values():
        return f"channel {channel} is missing: {option.series_part.reason}"
    return f"channel {channel} is missing: no series of the session fits its rules"

"""A page as tests read it."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

from medinorm.report.figures.svg import NAMESPACE

VOID = {"meta", "link", "br", "img", "input", "hr"}
ADDRESSES = {"src", "href", "srcset", "action", "data", "xlink:href"}


class Page(HTMLParser):
    """Collects what a test asks for and refuses tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.words.append(data)

    def named(self, tag):
        """Attributes of all tags of one name."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def ids(self):
        """All anchors, in order."""
        return [own["id"] for _, own in self.tags if "id" in own]

    @property
    def addresses(self):
        """Everything that a browser may load or go to."""
        return [own[name] for _, own in self.tags for name in ADDRESSES & own.keys()]

    @property
    def text(self):
        """What a reader sees, with single spaces."""
        return " ".join(" ".join(self.words).split())


def words(markup):
    """The text of a piece of a page."""
    shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", markup, flags=re.DOTALL)
    return " ".join(shown.split())


def parse_svg(svg):
    """The elements of a figure, without their name space and its style."""
    plain = re.sub(r"<style>.*?</style>", "", svg, flags=re.DOTALL)
    return ET.fromstring(plain.replace(f' xmlns="{NAMESPACE}"', ""))

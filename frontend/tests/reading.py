"""How the tests read a page."""

import re
from html import unescape
from html.parser import HTMLParser


def words(response):
    """What a reader sees of the main part, white space made single."""
    main = re.search(r"<main.*</main>", response.content.decode(), re.DOTALL)[0]
    text = unescape(re.sub(r"<[^>]*>", "", main))
    return re.sub(r"\s+", " ", text).strip()


def shown_digits(response):
    paragraphs = re.findall(r'<p class="digits[^"]*">(.*?)</p>', response.content.decode(), re.DOTALL)
    return [re.sub(r"</?span[^>]*>", "", paragraph) for paragraph in paragraphs]


def refresh(response):
    found = re.search(r'<meta http-equiv="refresh"\s+content="([^"]*)">', response.content.decode())
    return found and found[1]


def field(response):
    return re.search(r'<input type="text"[^>]*>', response.content.decode())[0]


class Outline(HTMLParser):
    """Every element with its attributes, in the order of the page."""

    def __init__(self, response):
        super().__init__()
        self.elements = []
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]

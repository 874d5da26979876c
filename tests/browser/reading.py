"""What a person finds on a page: by role, label and visible words, wherever the layout puts them."""

import re

from playwright.sync_api import expect


def field(page):
    """The field for an index."""
    return page.get_by_role("textbox", name=re.compile("index", re.IGNORECASE)).first


def ask(page, index):
    """Open the first page, write an index and press Enter."""
    page.goto("/")
    field(page).fill(str(index))
    field(page).press("Enter")


def value_words(digits):
    """A pattern for these digits, however they are grouped."""
    return re.compile(r"(?<!\d)" + r"[\s,.’·]*".join(str(digits)) + r"(?![\d])")


def expect_words(page, words, **options):
    """Wait until these words (or what matches the pattern) can be read in the main part of the page."""
    expect(page.get_by_role("main")).to_contain_text(words, **options)


def expect_value(page, digits, **options):
    expect_words(page, value_words(digits), **options)

def plain(text: str) -> str:
    return text

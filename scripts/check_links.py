#!/usr/bin/env python3
"""Fails on links inside the built book and the repository's pages that lead nowhere. Addresses on the web are not asked.

usage: check_links.py BOOK_DIR [MARKDOWN_FILE…]
"""
import html.parser
import pathlib
import re
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    """The ids and links of one HTML page."""

    def __init__(self):
        super().__init__()
        self.ids, self.links = set(), []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.ids.add(value)
            elif name in ("href", "src") and value is not None:
                self.links.append(value)


def parse(path):
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def slug(heading):
    text = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", lambda m: m.group(1) or "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def main():
    book = pathlib.Path(sys.argv[1]).resolve()
    broken = []
    pages = {path: parse(path) for path in book.rglob("*.html")}
    for path, page in pages.items():
        if path.name in ("print.html", "404.html"):
            continue
        for link in page.links:
            target, fragment = urllib.parse.urldefrag(link)
            if urllib.parse.urlparse(link).scheme or link.startswith("//"):
                continue
            where = path if not target else (path.parent / urllib.parse.unquote(target)).resolve()
            if where.is_dir():
                where = where / "index.html"
            if not where.exists():
                broken.append(f"{path.relative_to(book)}: {link}")
            elif fragment and where in pages and urllib.parse.unquote(fragment) not in pages[where].ids:
                broken.append(f"{path.relative_to(book)}: {link} (no such section)")
    for name in sys.argv[2:]:
        path = pathlib.Path(name)
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            target, fragment = urllib.parse.urldefrag(link)
            if urllib.parse.urlparse(link).scheme:
                continue
            where = path.parent / target if target else path
            if not where.exists():
                broken.append(f"{name}: {link}")
            elif fragment and where.suffix == ".md":
                headings = re.findall(r"^#+ (.*)$", where.read_text(encoding="utf-8"), re.M)
                if fragment not in map(slug, headings):
                    broken.append(f"{name}: {link} (no such section)")
    for line in sorted(set(broken)):
        print(f"broken link: {line}")
    print(f"{len(pages)} pages of the book and {len(sys.argv) - 2} other pages, {len(set(broken))} broken links")
    return 1 if broken else 0


sys.exit(main())

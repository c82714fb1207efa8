"""Every page as pictures, in screenshots/ (which git ignores), on both widths, light and dark, in both languages.

    make screenshots
    python -m tests.screenshots [--only dashboard,order] [--looks phone-ru,desktop-en-dark] [--into FOLDER]

The portfolio on them is the hardest there is (tests/scene.py). What a picture shows badly is also said: text that is
cut, overlapped, wider than its box or beyond the window.
"""

import argparse
import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.browsing import FLAGS, LANGUAGES, THEMES, WIDTHS, Look
from tests.e2e.walking import shown_in, unreadable, walking
from tests.every_page import PAGES
from tests.support import ROOT

LOOKS = [Look(*choice) for choice in itertools.product(WIDTHS, LANGUAGES, THEMES)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of pages, from tests/every_page.py; default: all")
    parser.add_argument("--looks", default="", help=f"of {', '.join(map(str, LOOKS))}; default: all")
    parser.add_argument("--into", type=Path, default=ROOT / "screenshots")
    options = parser.parse_args()
    names, wanted = set(filter(None, options.only.split(","))), set(filter(None, options.looks.split(",")))
    unknown = (names - {entry.name for entry in PAGES}) | (wanted - set(map(str, LOOKS)))
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        parser.error("Chromium is not installed; CHROMIUM=… names another place")
    bad = 0
    with tempfile.TemporaryDirectory() as folder, shown_in(Path(folder)) as scene, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for look in LOOKS:
            if wanted and str(look) not in wanted:
                continue
            into = options.into / str(look)
            into.mkdir(parents=True, exist_ok=True)
            with walking(browser, scene, look) as walk:
                for entry in PAGES:
                    if names and entry.name not in names:
                        continue
                    page, problems = walk.visit(entry)
                    page.screenshot(path=into / f"{entry.name}.png", full_page=True)
                    for problem in [*problems, *unreadable(page)]:
                        bad += 1
                        print(f"{look} {entry.name}: {problem}", flush=True)  # noqa: T201  (what it is run for)
        browser.close()
    print(f"Pictures in {options.into}" + (f"; {bad} things to look at" if bad else ""))  # noqa: T201  (likewise)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

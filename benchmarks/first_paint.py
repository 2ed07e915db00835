"""How soon the cockpit of Binhai shows itself in a real browser: `python -m benchmarks.first_paint`."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import running_city, sign_in

ROUNDS = 3
_MARKS = """() => new Promise((done) => {
  const look = () => {
    const paint = performance.getEntriesByName('first-contentful-paint')[0]
    const drawn = document.querySelector('.cockpit .main .figure')
    if (paint && drawn && document.querySelector('.district')) done({ paint: paint.startTime, map: performance.now() })
    else requestAnimationFrame(look)
  }
  look()
})"""


def main() -> None:
    """A fresh load of the signed-in cockpit at 1920 × 1080, first with an empty cache, then as it is kept."""
    with tempfile.TemporaryDirectory() as folder:
        found = _measured(Path(folder))
    print(f"{'':12} {'first paint ms':>15} {'map with names ms':>18}   median of {ROUNDS}")
    for kind, marks in found.items():
        paint, drawn = (statistics.median(mark[name] for mark in marks) for name in ("paint", "map"))
        print(f"{kind:12} {paint:>15.0f} {drawn:>18.0f}")


def _measured(folder: Path) -> dict[str, list[dict[str, float]]]:
    with running_city(folder / "home", folder / "shared") as (_, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
        )
        found: dict[str, list[dict[str, float]]] = {"empty cache": [], "kept cache": []}
        for _ in range(ROUNDS):
            context = browser.new_context(viewport={"width": 1920, "height": 1080})
            page = context.new_page()
            sign_in(page, address, "city_leader", "/cockpit")
            cookies = context.cookies()
            context.close()
            fresh = browser.new_context(viewport={"width": 1920, "height": 1080})
            fresh.add_cookies(cookies)  # type: ignore[arg-type]  # what it gave is what it takes
            page = fresh.new_page()
            for kind in ("empty cache", "kept cache"):
                page.goto(f"{address}/cockpit")
                page.wait_for_selector(".cockpit")
                found[kind].append(page.evaluate(_MARKS))
            fresh.close()
        browser.close()
    return found


if __name__ == "__main__":
    main()

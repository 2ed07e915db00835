"""The cockpit shows the city, unknown as unknown, and what happens without being loaded again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


def test_the_city_is_drawn_and_unknown_is_the_dash(page: Page, address: str) -> None:
    """Before any reading the index is unknown, never zero; the map names the districts."""
    page.set_viewport_size({"width": 1920, "height": 1080})
    sign_in(page, address, "city_leader", "/cockpit")
    expect(page.locator(".cockpit h1")).to_contain_text("滨海市")
    expect(page.locator(".cockpit .main .figure")).to_have_text("—")
    expect(page.locator(".district", has_text="海湾区")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight <= window.innerHeight")


def test_every_figure_explains_itself(page: Page, address: str) -> None:
    """Index, district, sign, counts, sources, devices: each opens what it is and what it is made of; Escape closes."""
    page.set_viewport_size({"width": 1920, "height": 1080})
    sign_in(page, address, "city_leader", "/cockpit")
    expect(page.locator(".district").first).to_be_visible()
    sheet = page.get_by_role("dialog")
    for figure, told in (
        (".left .main", "Σ 主题权重 × 主题得分"),
        (".district >> nth=0", "健康指数"),
        (".sign >> nth=0", "口径"),
        (".right .parts", "待研判 + 超期 + 将到期"),
        (".right header .plain >> nth=1", "按期结案数 ÷ 应结案数"),
        (".ticker .sources >> nth=0", "数据源"),
        (".ticker .sources >> nth=1", "在线设备 ÷ 在用设备"),
    ):
        page.click(figure)
        expect(sheet).to_contain_text(told)
        expect(sheet).to_contain_text("口径")
        page.keyboard.press("Escape")
        expect(sheet).to_have_count(0)
    page.goto(f"{address}/cockpit#sign:OP02")
    page.reload()
    expect(sheet).to_contain_text("感知设备在线率")


def test_a_report_appears_on_the_cockpit_by_itself(browser: Browser, address: str) -> None:
    """Somebody reports; the leader's screen shows it without being touched."""
    wall = browser.new_context(viewport={"width": 1920, "height": 1080})
    desk = browser.new_context(viewport={"width": 1366, "height": 768})
    screen, clerk = wall.new_page(), desk.new_page()
    sign_in(screen, address, "city_leader", "/cockpit")
    expect(screen.locator(".district").first).to_be_visible(timeout=30_000)
    sign_in(clerk, address, "acceptor")
    answer = clerk.evaluate(
        """async () => {
          const session = await (await fetch('/api/v1/core/session')).json()
          const answer = await fetch('/api/v1/intake/signals', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json', 'X-CSRFToken': session.csrf_token },
            body: JSON.stringify({ channel: '11', category: 'event/0506', text: '地道积水', level: 1,
                                   lon: 123.4, lat: 30.0, place: '东海路下穿通道' }),
          })
          return answer.status
        }"""
    )
    assert answer == 200
    expect(screen.locator(".right .board").first).to_contain_text("道路积水", timeout=30_000)
    expect(screen.locator("a.pin")).to_have_count(1)
    wall.close()
    desk.close()

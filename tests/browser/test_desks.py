"""The desks of administration, the audit, sensing and vital signs: each opens, shows a real row, and acts."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


def send_reading(address: str, token: str, value: float) -> int:
    """One reading of the noise monitor, as the device sends it; gives the status of the answer."""
    body = {"property": "leq", "at": datetime.now(UTC).isoformat(), "value": value}
    request = urllib.request.Request(
        f"{address}/api/v1/sensing/readings", json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def visitor(browser: Browser) -> Page:
    """Somebody else at another machine."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(30_000)
    return page


def choose(page: Page, words: str) -> None:
    """Find something by typing in the form in front, and take the first that is offered with these words."""
    page.get_by_role("dialog").locator(".el-select").click()
    page.keyboard.type(words)
    page.locator(".el-select-dropdown__item:visible", has_text=words).first.click()


def test_an_account_is_made_by_one_and_given_a_post_and_a_denial_by_another(browser: Browser, address: str) -> None:
    """Who makes accounts gives no rights; the post ends on its day; what was done is in the audit, with its subject."""
    making, guarding = visitor(browser), visitor(browser)
    sign_in(making, address, "system_admin")
    making.get_by_role("button", name="新建账号").click()
    making.fill("input[name=new-username]", "li.si")
    making.fill("input[name=new-name]", "李四光")
    making.fill("input[name=new-password]", "Correct-horse-9")
    making.get_by_role("dialog").get_by_role("button", name="新建账号").click()
    expect(making.get_by_text("未任岗位")).to_be_visible()
    expect(making.get_by_role("button", name="授予岗位")).to_have_count(0)
    sign_in(guarding, address, "security_admin", making.url.removeprefix(address))
    guarding.get_by_role("button", name="授予岗位").click()
    choose(guarding, "acceptor-3")
    guarding.fill("input[name=until]", "2199-01-01T08:00")
    guarding.get_by_role("dialog").get_by_role("button", name="授予岗位").click()
    expect(guarding.locator("tr", has_text="acceptor-3").first).to_contain_text("2199-01-01 08:00")
    guarding.get_by_role("button", name="授权或禁止").click()
    choose(guarding, "intake.accept")
    guarding.get_by_role("radio", name="禁止").check()
    guarding.get_by_role("dialog").get_by_role("button", name="禁止").click()
    expect(guarding.locator("tr", has_text="intake.accept").first).to_contain_text("个人")
    guarding.goto(f"{address}/settings/accounts?search=li.si")
    row = guarding.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("李**")
    guarding.goto(f"{address}/audit?user=security_admin&action=core.give_post")
    expect(guarding.locator("tbody tr").first).to_contain_text("授予岗位")
    expect(guarding.locator("tbody tr").first).to_contain_text("core:user-")
    for one in (making, guarding):
        one.context.close()


def test_a_key_is_shown_once_and_revoked(browser: Browser, address: str) -> None:
    """Who issues sees the key once; who guards the city revokes it; both see quota and use."""
    issuing, guarding = visitor(browser), visitor(browser)
    sign_in(issuing, address, "system_admin", "/settings/keys")
    issuing.get_by_role("button", name="签发密钥").click()
    dialog = issuing.get_by_role("dialog")
    dialog.locator("input[name=machine]").fill("rain-gateway")
    dialog.locator("input[name=label]").fill("雨量")
    choose(issuing, "data_provider")
    dialog.get_by_role("button", name="签发密钥").click()
    expect(issuing.get_by_role("dialog").locator("code")).to_contain_text(re.compile("^scoc_[0-9a-f]{12}_"))
    issuing.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # as on a page without TLS
    issuing.get_by_role("dialog").get_by_role("button", name="复制").click()
    expect(issuing.get_by_role("dialog").get_by_role("button", name="已复制")).to_be_visible()
    issuing.get_by_role("button", name="我已保存").click()
    expect(issuing.locator("tbody tr", has_text="rain-gateway")).to_contain_text("有效")
    issuing.get_by_role("button", name="签发密钥").click()
    expect(issuing.locator("input[name=machine]")).to_have_value("")
    expect(issuing.get_by_role("dialog")).to_contain_text("还缺：机器、用途说明、以何岗位调用")
    sign_in(guarding, address, "security_admin", "/settings/keys")
    guarding.locator("tbody tr", has_text="rain-gateway").get_by_role("button", name="吊销").click()
    guarding.get_by_role("dialog").get_by_role("button", name="吊销").click()
    expect(guarding.locator("tbody tr", has_text="rain-gateway")).to_contain_text("已吊销")
    for one in (issuing, guarding):
        one.context.close()


def test_whoever_is_quicker_than_a_form_keeps_the_field_they_are_at(page: Page, address: str) -> None:
    """Typed while the form still opens and before the choices are there: the focus stays, and the words are offered."""
    sign_in(page, address, "system_admin", "/settings/keys")
    slow = "[class*=dialog-fade-enter], [class*=dialog-fade-enter] * { animation-duration: 3s !important }"
    page.add_style_tag(content=slow)
    opening = page.locator(".dialog-fade-enter-active")
    asked: list[Route] = []
    page.route("**/api/v1/core/posts?*", lambda route: asked.append(route), times=1)
    page.get_by_role("button", name="签发密钥").click()
    page.get_by_role("dialog").locator(".el-select input").focus()
    page.keyboard.type("data_provider")
    expect(opening).to_have_count(1)
    asked[0].continue_()
    expect(opening).to_have_count(0)
    expect(page.get_by_role("dialog").locator(".el-select input")).to_be_focused()
    offered = page.locator(".el-select-dropdown__item:visible")
    expect(offered).to_have_count(1)
    expect(offered).to_contain_text("data_provider")
    page.get_by_role("dialog").get_by_role("button", name="取消").click()
    page.get_by_role("button", name="签发密钥").click()
    expect(page.locator("input[name=machine]")).to_be_focused()


def test_a_year_of_the_calendar_is_published(page: Page, address: str) -> None:
    """A year without calendar says so; publishing it with a day off takes the warning away and stays."""
    sign_in(page, address, "system_admin", "/settings/calendar/2031")
    expect(page.get_by_role("status")).to_contain_text("尚未发布")
    page.get_by_role("button", name=re.compile("^2031-10-01")).click()
    page.get_by_role("button", name="发布").click()
    expect(page.get_by_role("status")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="2031-10-01 休息日")).to_be_visible()


def test_a_drill_is_started_taken_part_in_and_ended(page: Page, address: str) -> None:
    """The frame says that this is a drill; when it is over one goes back to real life."""
    sign_in(page, address, "system_admin", "/settings/runs")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="开始演练或回放").click()
    page.fill("input[name=name_zh]", "防汛演练")
    page.fill("input[name=name_en]", "Flood drill")
    page.get_by_role("dialog").get_by_role("button", name="开始演练或回放").click()
    row = page.locator("tbody tr", has_text="防汛演练")
    row.get_by_role("button", name="参加").click()
    page.get_by_role("dialog").get_by_role("button", name="参加").click()
    expect(page.locator(".top .mode")).to_contain_text("演练")
    expect(page.get_by_text("已进入。")).to_be_visible()
    row.get_by_role("button", name="结束").click()
    page.get_by_role("dialog").get_by_role("button", name="结束").click()
    expect(row).to_contain_text("已结束")
    page.goto(f"{address}/settings/calendar/2031")
    page.get_by_role("button", name="返回真实城市").click()
    expect(page.locator(".top .mode")).to_contain_text("平时")
    expect(page).not_to_have_url(re.compile("2031"))


def test_the_audit_is_the_auditors_home_and_narrows_by_its_filters(page: Page, address: str) -> None:
    """Times are named as real ones; a filter stands in the address; nobody else opens the page."""
    sign_in(page, address, "audit_admin")
    expect(page).to_have_url(re.compile("/audit$"))
    expect(page.locator("th").first).to_have_text("真实时间")
    page.fill("input[name=user]", "audit_admin")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("user=audit_admin"))
    expect(page.locator("tbody tr").first).to_contain_text("登录")
    page.locator("button[aria-haspopup=menu]", has_text="导出").click()
    with page.expect_download() as saved:
        page.get_by_role("menuitem", name="CSV").click()
    assert saved.value.suggested_filename.endswith(".csv")
    expect(page.get_by_text(saved.value.suggested_filename)).to_be_visible()


def test_what_a_device_sends_with_its_new_credential_arrives_on_its_page(page: Page, address: str) -> None:
    """The engineer issues a credential; a reading sent with it appears without loading the page; a wild one is kept."""
    sign_in(page, address, "device_engineer", "/sensing/devices?search=ZS-0001")
    page.get_by_role("option", name=re.compile("ZS-0001")).click()
    page.get_by_role("button", name="发放凭证").click()
    page.get_by_role("dialog").get_by_role("button", name="发放凭证").click()
    token = page.get_by_role("dialog").locator("code").inner_text()
    page.get_by_role("button", name="我已保存").click()
    expect(page.locator("dd", has_text="已发放")).to_be_visible()
    assert send_reading(address, token, 61.5) < 300
    expect(page.locator("tbody tr", has_text="等效声级")).to_contain_text("61.5")
    assert send_reading(address, token, 9999.0) == 422
    page.goto(f"{address}/sensing/rejected?device=ZS-0001")
    expect(page.locator("tbody tr").first).to_contain_text("超出")
    page.goto(f"{address}/sensing/accounting?device=ZS-0001")
    expect(page.locator("tbody tr", has_text="ZS-0001").locator("td")).to_have_text(
        ["HTTP 上报", "ZS-0001", "2", "1", "0", "1", "0", "0"]
    )
    page.goto(f"{address}/sensing/rules")
    loud = page.locator("tbody tr", has_text="noise.loud")
    expect(loud).to_contain_text("75")
    loud.get_by_role("button", name="试算").click()
    page.fill("input[name=try-raise_at]", "60")
    page.fill("input[name=try-clear_at]", "70")
    page.get_by_role("button", name="试算", exact=True).first.click()
    expect(page.get_by_text("恢复值越过了触发值")).to_be_visible()
    page.fill("input[name=try-clear_at]", "55")
    page.fill("input[name=try-duration_seconds]", "0")
    page.get_by_role("button", name="试算", exact=True).first.click()
    expect(page.get_by_text("会产生 1 条告警")).to_be_visible()
    expect(page.get_by_text("现行规则 0 条")).to_be_visible()


def test_vital_signs_open_how_they_are_made(page: Page, address: str) -> None:
    """A figure opens its definition and formula, unknown is the dash; the health index opens its contributions."""
    sign_in(page, address, "analyst", "/indicators/CI01")
    expect(page.locator("article h1")).to_be_visible()
    expect(page.locator(".main .figure").first).to_have_text("—")
    expect(page.get_by_text("口径").first).to_be_visible()
    page.locator("a.health").click()
    expect(page).to_have_url(re.compile("/indicators/health"))
    expect(page.locator("article h1")).to_contain_text("健康指数")


def test_a_page_without_permission_says_so(page: Page, address: str) -> None:
    """No empty table: words, on each page of administration."""
    sign_in(page, address, "acceptor")
    for path in (
        "/settings/accounts",
        "/settings/keys",
        "/settings/runs",
        "/settings/deliveries",
        "/audit",
        "/sensing/rejected",
        "/sensing/accounting",
    ):
        page.goto(address + path)
        expect(page.get_by_role("alert")).to_contain_text("您的岗位不能打开此页")

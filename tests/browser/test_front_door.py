"""Signing in, choosing a post, changing the language, and seeing only what the post may see."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD, sign_in

pytestmark = pytest.mark.browser


def test_a_wrong_password_is_refused_in_words(page: Page, address: str) -> None:
    """The form stays, says what was wrong, and does not say which of the two."""
    page.goto(address)
    page.fill("input[name=username]", "acceptor")
    page.fill("input[name=password]", "not the password")
    page.click("button[type=submit]")
    expect(page.get_by_role("alert")).to_contain_text("用户名或密码错误")
    expect(page.locator("input[name=password]")).to_have_value("")


def test_with_several_posts_one_is_chosen(page: Page, address: str) -> None:
    """The duty officer is also the acceptor of the night: the choice is shown in the top bar."""
    sign_in(page, address, "duty_officer")
    expect(page.locator(".post")).to_have_count(2)
    page.keyboard.press("2")
    expect(page.locator(".me")).to_contain_text("受理员")
    page.click(".me")
    page.locator(".menu .item", has_text="值班员").click()
    expect(page.locator(".me")).to_contain_text("值班员")


def test_the_language_changes_at_once_and_is_kept(page: Page, address: str) -> None:
    """Everything is there in English, also after the page is loaded again."""
    page.goto(address)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    sign_in(page, address, "acceptor")
    expect(page.get_by_role("navigation", name="Navigation by centre")).to_contain_text("Cases")


def test_an_entry_without_permission_is_absent_and_its_page_refuses(page: Page, address: str) -> None:
    """The audit administrator sees settings and no cases; the address of the cases says why not."""
    sign_in(page, address, "audit_admin", "/settings/audit")
    navigation = page.locator("nav.side")
    expect(navigation).to_contain_text("设置")
    expect(navigation).not_to_contain_text("案件")
    page.goto(f"{address}/cases")
    expect(page.get_by_role("alert")).to_contain_text("您的岗位不能打开此页")


def test_an_expired_session_is_renewed_over_the_page_which_stays(page: Page, address: str) -> None:
    """What was typed is still there after signing in again, and nothing complains any more."""
    sign_in(page, address, "acceptor", "/cases?tab=open")
    box = page.locator(".filter input[type=search]")
    expect(box).to_be_visible()
    page.context.clear_cookies()
    box.fill("井盖")  # looks for it, and the server knows nobody any more
    expect(page.locator(".door.over")).to_contain_text("登录已失效")
    page.fill(".door.over input[name=password]", PASSWORD)
    page.click(".door.over button[type=submit]")
    expect(page.locator(".door.over")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(box).to_have_value("井盖")


def test_signing_out_ends_the_session(page: Page, address: str) -> None:
    """After signing out every page asks to sign in."""
    sign_in(page, address, "acceptor")
    page.click(".me")
    page.get_by_role("button", name="退出登录").click()
    expect(page.locator("input[name=username]")).to_be_visible()
    page.goto(f"{address}/cases")
    expect(page.locator("input[name=username]")).to_be_visible()


def test_a_given_password_is_changed_before_anything_is_shown(page: Page, browser: Browser, address: str) -> None:
    """Who was given an account chooses an own password first, in either language; then the door is open."""
    making = browser.new_context().new_page()
    sign_in(making, address, "system_admin", "/settings/accounts")
    making.get_by_role("button", name="新建账号").click()
    for name, typed in (("new-username", "wang.wu"), ("new-name", "王五"), ("new-password", "Given-horse-9")):
        making.fill(f"input[name={name}]", typed)
    making.get_by_role("dialog").get_by_role("button", name="新建账号").click()
    expect(making.get_by_text("未任岗位")).to_be_visible()
    page.goto(f"{address}/settings")
    page.fill("input[name=username]", "wang.wu")
    page.fill("input[name=password]", "Given-horse-9")
    page.click("button[type=submit]")
    expect(page.get_by_role("heading", name="修改密码")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    page.fill("input[name=old-password]", "Given-horse-9")
    page.fill("input[name=new-password]", "short")
    page.fill("input[name=again-password]", "shorter")
    expect(page.get_by_role("status")).to_contain_text("differ")
    expect(page.get_by_role("button", name="Change it and go on")).to_be_disabled()
    page.fill("input[name=again-password]", "short")
    page.get_by_role("button", name="Change it and go on").click()
    expect(page.get_by_role("alert")).to_contain_text("at least 10")
    page.fill("input[name=new-password]", "Chosen-horse-9")
    page.fill("input[name=again-password]", "Chosen-horse-9")
    page.get_by_role("button", name="Change it and go on").click()
    expect(page.get_by_text("You hold no post at present")).to_be_visible()

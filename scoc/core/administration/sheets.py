"""The audit and the accounts as tables for files."""

from __future__ import annotations

from scoc.core.administration.shapes import AccountRow
from scoc.core.http.exports import Column, Sheet
from scoc.core.schemas import AuditRow
from scoc.kit.text import Text

AUDIT: Sheet[AuditRow] = Sheet(
    name="audit",
    title=Text("审计记录", "Audit"),
    permission="core.read_audit",
    columns=(
        Column(Text("真实时间", "Real time"), lambda row: row.happened_at, 20),
        Column(Text("用户名", "User name"), lambda row: row.user, 20),
        Column(Text("岗位", "Post"), lambda row: row.post, 26),
        Column(Text("操作", "Action"), lambda row: row.action, 26),
        Column(Text("类别", "Kind"), lambda row: row.kind, 10),
        Column(Text("对象", "Subject"), lambda row: row.subject, 20),
        Column(Text("结果", "Outcome"), lambda row: row.outcome, 10),
        Column(Text("代码", "Code"), lambda row: row.code, 20),
        Column(Text("说明", "Detail"), lambda row: row.detail, 50),
        Column(Text("来源地址", "Address"), lambda row: row.address, 16),
    ),
)


def _posts(row: AccountRow) -> Text:
    return Text("；".join(one.title.zh for one in row.holdings), "; ".join(one.title.en for one in row.holdings))


ACCOUNTS: Sheet[AccountRow] = Sheet(
    name="accounts",
    title=Text("账号", "Accounts"),
    permission="core.read_accounts",
    columns=(
        Column(Text("用户名", "User name"), lambda row: row.username, 20),
        Column(Text("姓名", "Name"), lambda row: row.name, 12),
        Column(Text("岗位", "Posts"), _posts, 40),
        Column(Text("可登录", "Can sign in"), lambda row: row.active and row.locked_until is None, 10),
        Column(Text("最近登录", "Last sign-in"), lambda row: row.last_login, 20),
    ),
)

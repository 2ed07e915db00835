"""From signal to case and back: accepted situations open cases, closed cases settle situations."""

from __future__ import annotations

import pytest

from scoc.command.cases import actions
from scoc.command.cases.models import Case, CaseFlow, State
from scoc.command.cases.schemas import CaseAcceptIn
from scoc.command.cases.tests.factories import COVER, EAST, FLOOD, WEST, Cast, bring
from scoc.command.intake import actions as intake
from scoc.command.intake import queries as intake_queries
from scoc.command.intake.schemas import SignalIn, SignalReceipt
from scoc.core.contacts import shown
from scoc.core.models import Area, Delivery
from scoc.core.refusals import Invalid
from scoc.core.remembered import forget_all
from scoc.core.tasks import deliver_all
from scoc.core.tests.factories import SINCE, make_actor


def signal(lon: float | None = EAST[0], area: str | None = None, **values: object) -> SignalReceipt:
    """A report at the intake desk."""
    actor = make_actor("intake.receive_signal")
    place = {} if lon is None else {"lon": lon, "lat": EAST[1]}
    values = {"channel": "11", "category": "event/0506", "text": "路口积水", "area": area, **place, **values}
    return intake.receive_signal(actor, SignalIn.model_validate(values))


def accept(receipt: SignalReceipt) -> None:
    """A person accepts the situation, and everything that follows is done."""
    desk = make_actor("intake.accept", "intake.read_situations")
    intake.accept(desk, receipt.situation_id, category="event/0506", opinion="属实", version=None)
    result = deliver_all()
    assert result.failed == 0


def state_of(receipt: SignalReceipt) -> tuple[str, str | None]:
    """State of the situation and who took it over."""
    row = intake_queries.situation(make_actor("intake.read_situations"), receipt.situation_id)
    return row.state, row.taken_over_by


def test_an_accepted_situation_opens_a_case_in_reported(cast: Cast) -> None:
    receipt = signal(reporter={"name": "张三", "phone": "13800138000"}, place="中山东路 8 号 301 室", level=2)
    accept(receipt)
    case = Case.objects.get()
    assert (case.state, case.source, case.situation_id, case.priority) == ("reported", "11", receipt.situation_id, 2)
    assert case.category is not None
    assert (case.category.code, case.address, case.lon, case.area) == (
        "event/0506", "中山东路", EAST[0], cast.city.east,
    )  # fmt: skip
    assert case.contact is not None
    assert shown(case.contact, "plain").address == "中山东路 8 号 301 室"
    assert "路口积水" in case.description
    assert case.external_id == receipt.number
    assert CaseFlow.objects.get(case=case).actor.username == "system:cases"
    assert state_of(receipt) == ("handed_over", case.subject)


def test_the_level_of_a_situation_stays_unless_somebody_says_why(cast: Cast) -> None:
    accept(signal(level=1))
    accept(signal(lon=WEST[0], level=1))
    first, second = Case.objects.order_by("id")
    assert (first.priority, second.priority) == (1, 1)
    actions.accept_case(cast.acceptor, first.pk, CaseAcceptIn(condition=COVER, address="中山东路"))
    first.refresh_from_db()
    assert first.priority == 1  # the condition is of the third priority
    with pytest.raises(Invalid) as error:
        actions.accept_case(cast.acceptor, second.pk, CaseAcceptIn(condition=COVER, address="中山东路", priority=2))
    assert error.value.code == "opinion_missing"
    wanted = CaseAcceptIn(condition=COVER, address="中山东路", priority=2, opinion="积水已退")
    actions.accept_case(cast.acceptor, second.pk, wanted)
    second.refresh_from_db()
    assert second.priority == 2


def test_the_same_news_again_opens_no_second_case(cast: Cast) -> None:
    accept(signal())
    Delivery.objects.filter(handler__contains="open_case_for_situation").update(state="waiting", claim="")
    assert deliver_all().failed == 0
    assert Case.objects.count() == 1


def test_a_closed_case_settles_its_situation(cast: Cast) -> None:
    receipt = signal()
    accept(receipt)
    case = Case.objects.get()
    bring(cast, State.CLOSED, case, condition=FLOOD)
    assert state_of(receipt)[0] == "handed_over"
    assert deliver_all().failed == 0
    assert state_of(receipt) == ("settled", case.subject)
    assert intake_queries.situation(make_actor("intake.read_situations"), receipt.situation_id).outcome == "closed"


def test_a_case_of_nobodys_situation_settles_nothing(cast: Cast) -> None:
    bring(cast, State.CLOSED)
    assert deliver_all().failed == 0


def test_a_situation_without_a_position_is_placed_at_acceptance(cast: Cast) -> None:
    accept(signal(None, area="990102"))
    case = Case.objects.get()
    assert (case.lon, case.h3, case.area, case.case_no[:6]) == (None, "", cast.city.east, "990102")
    with pytest.raises(Invalid) as error:
        actions.accept_case(cast.acceptor, case.pk, CaseAcceptIn(condition=FLOOD, address="中山东路口"))
    assert error.value.code == "not_in_an_area"
    wanted = CaseAcceptIn(condition=FLOOD, address="中山东路口", lon=EAST[0], lat=EAST[1])
    assert actions.accept_case(cast.acceptor, case.pk, wanted).state == "accepted"


@pytest.mark.parametrize("lon", [EAST[0], None])
def test_a_situation_outside_of_every_area_opens_its_case_all_the_same(cast: Cast, lon: float | None) -> None:
    Area.objects.filter(pk=cast.city.east.pk).update(valid_to=SINCE)  # its place is the sea now
    forget_all()
    accept(signal(lon))
    case = Case.objects.get()
    assert (case.lon, case.area, case.case_no[:6]) == (lon, cast.city.area, "990100")
    with pytest.raises(Invalid) as error:
        actions.accept_case(cast.acceptor, case.pk, CaseAcceptIn(condition=FLOOD, address="海上"))
    assert error.value.code == "not_in_an_area"

"""The catalogue follows the log: a version is entered once it is on the disk, by whoever comes next if need be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.models import Run
from scoc.core.now import wall_now
from scoc.core.refusals import Refusal, no_such
from scoc.kit.text import Text
from scoc.lake.commits import Commit, mend, read_commit, settle
from scoc.lake.engines import deltalake
from scoc.lake.models import LakeTable, LakeVersion
from scoc.lake.places import Place, place_of
from scoc.lake.schemas import Tally
from scoc.lake.tallies import added

AT_ONCE = 500


def subject_of(name: str) -> str:
    """How a table is called in the audit and in refusals."""
    return f"lake:{name}"


def known_table(name: str) -> LakeTable:
    """A declared table. Raises NotFound."""
    row = LakeTable.objects.filter(name=name).first()
    if row is None:
        raise no_such("数据湖表", "table of the lake", subject_of(name))
    return row


@dataclass(slots=True)
class Open:
    """A table opened at its newest version, its catalogue complete up to there."""

    row: LakeTable
    place: Place
    delta: deltalake.DeltaTable

    @property
    def version(self) -> int:
        """The newest version when it was opened."""
        return self.delta.version()

    @property
    def sums(self) -> tuple[str, ...]:
        """The columns whose sums are told."""
        return tuple(self.row.sums)


def opened(row: LakeTable) -> Open:
    """Open a table at its newest version and enter into the catalogue what it lacks.

    A process that died between its commit and the catalogue left that to others. Raises Refusal where the log is
    older than the catalogue, or another than it was.
    """
    place = place_of(row.name)
    last = row.versions.order_by("-version").only("version", "mark").first()
    known = last.version if last else -1
    mend(place, known)
    try:
        delta = place.open()
    except deltalake.exceptions.TableNotFoundError:
        raise files_missing(row) from None
    if last is not None:
        _refuse_another_log(row, place, last, delta.version())
    for first in range(known + 1, delta.version() + 1, AT_ONCE):
        _enter(row, place, range(first, min(first + AT_ONCE, delta.version() + 1)))
    return Open(row, place, delta)


def files_missing(row: LakeTable) -> Refusal:
    """A table whose declaration is there and whose files are not."""
    return Refusal(
        "lake_missing",
        Text(
            f"数据湖表“{row.name}”的文件不在设定的位置，请检查 SCOC_LAKE_URL 或恢复备份。",
            f"The files of {row.name} are not at their place: look at SCOC_LAKE_URL, or put back a backup.",
        ),
        subject=subject_of(row.name),
    )


def _refuse_another_log(row: LakeTable, place: Place, last: LakeVersion, newest: int) -> None:
    commit = read_commit(place, last.version) if newest >= last.version else None
    if newest >= last.version and (commit is None or commit.mark == last.mark):
        return
    raise Refusal(
        "lake_differs",
        Text(
            f"数据湖表“{row.name}”的文件与目录中的第{last.version}版不符，可能由较旧的备份恢复，请恢复较新的数据湖备份。",
            f"The files of {row.name} are not those of version {last.version} in the catalogue: they may come from an "
            "older backup. Put back a lake that is not older than the records.",
        ),
        subject=subject_of(row.name),
    )


def _enter(row: LakeTable, place: Place, versions: Iterable[int]) -> None:
    """Enter versions, each after it is on the disk; what another process entered meanwhile stays."""
    found = []
    for version in versions:
        commit = read_commit(place, version)
        if commit is None:
            commit = Commit(version, "foreign", "", None, None, None, wall_now())
        settle(place, commit)
        found.append(commit)
    runs = set(Run.objects.filter(pk__in={one.run_id for one in found if one.run_id}).values_list("id", flat=True))
    moment = wall_now()
    rows = [_row(row, commit, runs, moment) for commit in found]
    with unit_of_work(system_actor("lake")):
        LakeVersion.objects.bulk_create(rows, ignore_conflicts=True)


def _row(table: LakeTable, commit: Commit, runs: set[int], moment: datetime) -> LakeVersion:
    tally, cursor = commit.tally, commit.cursor
    return LakeVersion(
        table=table, version=commit.version, kind=commit.kind[:20], mark=commit.mark,
        rows=tally.rows if tally else None, sums=dict(tally.sums) if tally else {},
        digest=tally.digest if tally else "",
        cursor_app=cursor.app if cursor else "", cursor=cursor.number if cursor else None,
        run_id=commit.run_id if commit.run_id in runs else None, committed_at=commit.committed_at, recorded_at=moment,
    )  # fmt: skip


def tally_of(version: LakeVersion) -> Tally:
    """What a version added. Raises Refusal where another program wrote it, so that nobody counted."""
    if version.rows is None:
        raise Refusal(
            "not_counted",
            Text("该版本由其他程序写入，没有可供核对的计数。",
                 "Another program wrote this version: there is no count to compare with."),
            subject=subject_of(version.table.name),
        )  # fmt: skip
    return Tally(version.rows, version.sums, version.digest)


def tally_up_to(row: LakeTable, version: int) -> Tally:
    """What a table holds in a version, by what its versions have told."""
    rows: QuerySet[LakeVersion] = row.versions.filter(version__lte=version).select_related("table").order_by("version")
    whole = added(tally_of(one) for one in rows.iterator(AT_ONCE))
    return Tally(whole.rows, {name: whole.sums.get(name, "0") for name in row.sums}, whole.digest)


def version_row(row: LakeTable, version: int) -> LakeVersion:
    """One version of a table that can still be read. Raises NotFound, or Refusal where its files are gone."""
    found = row.versions.select_related("table").filter(version=version).first()
    if found is None:
        raise no_such("版本", "version", f"{subject_of(row.name)}@{version}"[:60])
    if found.gone_at is not None:
        raise Refusal(
            "version_gone",
            Text(f"“{row.name}”第{version}版的文件已过保留期并被清理。",
                 f"The files of version {version} of {row.name} were removed when their time was up."),
            subject=subject_of(row.name),
        )  # fmt: skip
    return found

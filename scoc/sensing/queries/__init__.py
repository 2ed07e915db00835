"""What others may read of sensing: devices, series, roll-ups, alarms and their rules, refusals."""

from scoc.sensing.queries.accounting import accounting, accounting_proofs, accounting_sums
from scoc.sensing.queries.alarms import Kept, alarm, alarm_titles, alarms
from scoc.sensing.queries.devices import device, device_counts, device_points, device_types, devices
from scoc.sensing.queries.files import readings_of_file
from scoc.sensing.queries.refusals import rejected, rejected_counts
from scoc.sensing.queries.rules import rules
from scoc.sensing.queries.series import Grain, rollups, series
from scoc.sensing.queries.trials import try_rule
from scoc.sensing.queries.upkeep import maintenance

__all__ = [
    "Grain",
    "Kept",
    "accounting",
    "accounting_proofs",
    "accounting_sums",
    "alarm",
    "alarm_titles",
    "alarms",
    "device",
    "device_counts",
    "device_points",
    "device_types",
    "devices",
    "maintenance",
    "readings_of_file",
    "rejected",
    "rejected_counts",
    "rollups",
    "rules",
    "series",
    "try_rule",
]

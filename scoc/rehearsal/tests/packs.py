"""A small pack, whole and right, as files in a folder: tests spoil one thing of it."""

from __future__ import annotations

from pathlib import Path

from scoc.kit.identifiers import credit_code_with_check

GOVERNMENT = credit_code_with_check("11990100MB0000011")
BUREAU = credit_code_with_check("11990100MB0000027")
UTILITY = credit_code_with_check("91990100MB0000033")

FILES: dict[str, str] = {
    "city.toml": """code = "990100"
name_zh = "试城"
name_en = "Testville"
timezone = "Asia/Shanghai"
include = []
center = [121.5, 30.0]
bbox = [121.0, 29.5, 122.0, 30.5]

[calendar]
work_day = "rolling"

[security]
lock_minutes = 15

[cases.sign]
minutes = 60
office = true
""",
    "areas/districts.geojson": """{"type":"FeatureCollection","datum":"WGS84","features":[
{"type":"Feature","properties":{"code":"990102","level":"district","name_zh":"东区","name_en":"East"},
"geometry":{"type":"Polygon","coordinates":[[[121.5,29.9],[121.6,29.9],[121.6,30.1],[121.5,30.1],[121.5,29.9]]]}},
{"type":"Feature","properties":{"code":"990103","level":"district","name_zh":"西区","name_en":"West"},
"geometry":{"type":"Polygon","coordinates":[[[121.4,29.9],[121.5,29.9],[121.5,30.1],[121.4,30.1],[121.4,29.9]]]}}
]}
""",
    "areas/streets.csv": """code,level,parent,name_zh,name_en
990102001,street,990102,海街,Sea Street
990103001,street,990103,山街,Hill Street
""",
    "map/base.geojson": """{"type":"FeatureCollection","datum":"WGS84","features":[
{"type":"Feature","properties":{"key":"road-1","kind":"road","name_zh":"中路","name_en":"Middle Road","rank":1},
"geometry":{"type":"LineString","coordinates":[[121.45,30.0],[121.55,30.0]]}}
]}
""",
    "organisations.toml": f"""[[organisation]]
code = "{GOVERNMENT}"
kind = "government"
name_zh = "试城政府"
name_en = "Government"
short_zh = "政府"
short_en = "City Hall"

[[organisation]]
code = "{BUREAU}"
kind = "bureau"
name_zh = "水务局"
name_en = "Water Bureau"
short_zh = "水务"
short_en = "Water"
parent = "{GOVERNMENT}"

[[organisation]]
code = "{UTILITY}"
kind = "utility"
name_zh = "水务集团"
name_en = "Water Group"
short_zh = "水务集团"
short_en = "Water Group"
area = "990102"
""",
    "roles.toml": """[[role]]
code = "collector"
name_zh = "采集员"
name_en = "Collector"
home = "/cases"
conflicts = ["evaluator"]

[[role]]
code = "evaluator"
name_zh = "考评员"
name_en = "Evaluator"
home = "/indicators"
machines = true
""",
    "grants.toml": """grant = [
  { role = "collector", permission = "cases.read_cases", scope = "area_below" },
  { role = "evaluator", permission = "cases.read_evaluation", scope = "city" },
]
""",
    "posts.toml": f"""[[post]]
code = "collector-1"
role = "collector"
organisation = "{GOVERNMENT}"
area = "990102"
title_zh = "采集员一"
title_en = "Collector 1"

[[post]]
code = "evaluator-1"
role = "evaluator"
organisation = "{GOVERNMENT}"
title_zh = "考评员一"
title_en = "Evaluator 1"
""",
    "accounts.toml": """[[account]]
username = "collector"
name = "刘一"
posts = ["collector-1"]
password = "a-long-enough-1"
""",
    "categories.toml": """category = [
  { kind = "component", major = "01", minor = "01", name_zh = "上水井盖", name_en = "Water cover" },
  { kind = "event", major = "05", minor = "00", name_zh = "突发事件", name_en = "Sudden problems" },
  { kind = "event", major = "05", minor = "06", name_zh = "道路积水", name_en = "Water on the road" },
]
""",
    "codes.toml": """code = [
  { set = "road_grade", value = "main", name_zh = "主干路", name_en = "Main road" },
  { set = "asset_link", value = "feeds", name_zh = "供给", name_en = "Feeds" },
  { set = "asset_link", value = "controls", name_zh = "控制", name_en = "Controls" },
]
""",
    "assets/covers.csv": f"""code,category,name_zh,name_en,owner,area,lon,lat,datum
9901020101000001,component/0101,井盖,Cover,{UTILITY},990102,121.56,30.0,WGS84
PUMP-1,component/0101,泵,Pump,{UTILITY},990102,121.55,30.0,GCJ-02
""",
    "asset_links.csv": """origin,kind,target
PUMP-1,feeds,9901020101000001
""",
    "conditions.toml": f"""[[condition]]
code = "event/0506-1"
category = "event/0506"
name_zh = "深度大于 15 cm"
name_en = "Deeper than 15 cm"
limit = 2
unit = "URGENT_HOUR"
criterion_zh = "排干"
criterion_en = "Drained"
basis_zh = "标准"
basis_en = "Standard"
responsible = "{UTILITY}"
""",
    "responsibility.csv": f"""code,category,area,organisation,priority,basis_zh,basis_en
r1,event/0506,990102,{UTILITY},3,清单,List
""",
    "situations.toml": """[[situation]]
category = "event/0506"
radius_m = 300
window_minutes = 90
""",
    "devices/types.toml": """[[type]]
code = "gauge"
name_zh = "液位计"
name_en = "Gauge"

[[type.streams]]
property = "depth"
name_zh = "水深"
name_en = "Depth"
unit = "cm"
places = 1
minimum = 0.0
maximum = 300.0
cadence_seconds = 600
""",
    "devices/gauges.csv": f"""key,type,name_zh,name_en,organisation,lon,lat,datum,place
YW-1,gauge,一号,One,{UTILITY},121.55,30.0,WGS84,中路
YW-2,gauge,二号,Two,{UTILITY},121.45,30.0,WGS84,中路
""",
    "rules.toml": """[[rule]]
code = "flooded"
kind = "threshold"
name_zh = "积水"
name_en = "Flooded"
device_type = "gauge"
property = "depth"
level = "major"
category = "event/0506"
side = "above"
raise_at = 15.0
clear_at = 8.0
""",
    "indicators.toml": """[[indicator]]
code = "CI01"
theme = "management"
name_zh = "按期结案率"
name_en = "Closed on time"
definition_zh = "定义"
definition_en = "Definition"
formula_zh = "公式"
formula_en = "Formula"
places = 1
direction = "higher"
aggregation = "ratio_of_sums"
grain = "hour"
period = "cumulative"
span = "month"
measure = "cases.on_time_closing"
latency_minutes = 60
low = { best = 100, green = 95, yellow = 90, worst = 60 }
basis = "plan"
basis_zh = "计划"
basis_en = "Plan"
provider_zh = "城管"
provider_en = "Urban management"
""",
}


def write_pack(folder: Path, **changed: str | None) -> Path:
    """The small pack in a folder; keyword arguments replace or (None) leave out files, named with `__` for `/`."""
    files: dict[str, str | None] = {**FILES}
    for name, text in changed.items():
        files[name.replace("__", "/")] = text
    for name, text in files.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder

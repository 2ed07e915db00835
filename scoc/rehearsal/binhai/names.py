"""Invented names: districts, streets with the place of their office, communities, roads."""

from __future__ import annotations

from dataclasses import dataclass

from scoc.rehearsal.binhai.sketch import Point


@dataclass(frozen=True, slots=True)
class Street:
    """A sub-district (街道) or town (镇): where its office stands and how many communities it has."""

    zh: str
    en: str
    at: Point
    communities: int
    town: bool = False
    island: str = ""


@dataclass(frozen=True, slots=True)
class District:
    """A district with its streets; `density` is residents per square kilometre."""

    code: str
    zh: str
    en: str
    density: int
    streets: tuple[Street, ...]


DISTRICTS: tuple[District, ...] = (
    District("990102", "海湾区", "Haiwan District", 9200, (
        Street("望海街道", "Wanghai Subdistrict", (715, 425), 4),
        Street("学府街道", "Xuefu Subdistrict", (610, 365), 4),
        Street("文昌街道", "Wenchang Subdistrict", (612, 440), 4),
        Street("中山街道", "Zhongshan Subdistrict", (660, 415), 4),
        Street("滨江街道", "Binjiang Subdistrict", (665, 375), 3),
        Street("东海街道", "Donghai Subdistrict", (700, 470), 3),
        Street("锦绣街道", "Jinxiu Subdistrict", (625, 480), 3),
    )),
    District("990103", "澜江区", "Lanjiang District", 3600, (
        Street("江北街道", "Jiangbei Subdistrict", (620, 290), 4),
        Street("北辰街道", "Beichen Subdistrict", (690, 250), 3),
        Street("云桥街道", "Yunqiao Subdistrict", (545, 270), 3),
        Street("锦溪街道", "Jinxi Subdistrict", (690, 320), 3),
        Street("石桥镇", "Shiqiao Town", (460, 260), 3, town=True),
        Street("松溪镇", "Songxi Town", (610, 205), 3, town=True),
    )),
    District("990104", "东屿区", "Dongyu District", 2100, (
        Street("东屿街道", "Dongyu Subdistrict", (845, 230), 4),
        Street("潮音街道", "Chaoyin Subdistrict", (800, 300), 3),
        Street("渔港街道", "Yugang Subdistrict", (905, 285), 3),
        Street("望岬镇", "Wangjia Town", (965, 280), 3, town=True),
        Street("松山镇", "Songshan Town", (810, 165), 3, town=True),
        Street("鸥屿镇", "Ouyu Town", (1061, 363), 2, town=True, island="ou"),
    )),
    District("990105", "青岩区", "Qingyan District", 2700, (
        Street("青岩街道", "Qingyan Subdistrict", (480, 450), 4),
        Street("云岭街道", "Yunling Subdistrict", (460, 375), 3),
        Street("老街街道", "Laojie Subdistrict", (540, 400), 3),
        Street("岩前街道", "Yanqian Subdistrict", (530, 470), 3),
        Street("林溪镇", "Linxi Town", (430, 500), 3, town=True),
        Street("茶亭镇", "Chating Town", (470, 560), 3, town=True),
    )),
    District("990106", "临港区", "Lingang District", 2400, (
        Street("港城街道", "Gangcheng Subdistrict", (770, 545), 4),
        Street("临港街道", "Lingang Subdistrict", (650, 570), 4),
        Street("保税街道", "Baoshui Subdistrict", (850, 560), 3),
        Street("南湾街道", "Nanwan Subdistrict", (740, 620), 3),
        Street("盐塘镇", "Yantang Town", (570, 600), 3, town=True),
        Street("沙头镇", "Shatou Town", (630, 665), 3, town=True),
        Street("长屿镇", "Changyu Town", (1001, 600), 2, town=True, island="chang"),
    )),
)  # fmt: skip

COMMUNITIES: tuple[tuple[str, str], ...] = (
    ("望潮", "Wangchao"), ("海天", "Haitian"), ("银滩", "Yintan"), ("灯塔", "Dengta"), ("书院", "Shuyuan"),
    ("槐荫", "Huaiyin"), ("清晖", "Qinghui"), ("桃李", "Taoli"), ("文昌桥", "Wenchangqiao"), ("钟楼", "Zhonglou"),
    ("鼓楼", "Gulou"), ("西关", "Xiguan"), ("中山里", "Zhongshanli"), ("百花", "Baihua"), ("新华里", "Xinhuali"),
    ("友谊", "Youyi"), ("江心", "Jiangxin"), ("临江", "Linjiang"), ("码头", "Matou"), ("东海湾", "Donghaiwan"),
    ("浪花", "Langhua"), ("金沙", "Jinsha"), ("锦绣里", "Jinxiuli"), ("绿茵", "Lvyin"), ("和平里", "Hepingli"),
    ("江北新村", "Jiangbei Xincun"), ("客运站", "Keyunzhan"), ("双桥", "Shuangqiao"), ("永安", "Yongan"),
    ("北辰园", "Beichenyuan"), ("星河", "Xinghe"), ("科苑", "Keyuan"), ("云桥里", "Yunqiaoli"), ("水车", "Shuiche"),
    ("柳岸", "Liuan"), ("锦溪", "Jinxi"), ("芦花", "Luhua"), ("三江口", "Sanjiangkou"), ("石桥头", "Shiqiaotou"),
    ("古樟", "Guzhang"), ("上坊", "Shangfang"), ("松溪口", "Songxikou"), ("梅坞", "Meiwu"), ("竹园", "Zhuyuan"),
    ("东屿里", "Dongyuli"), ("海晏", "Haiyan"), ("望湾", "Wangwan"), ("观澜", "Guanlan"), ("潮音寺", "Chaoyinsi"),
    ("听涛", "Tingtao"), ("白鹭", "Bailu"), ("渔港里", "Yugangli"), ("船厂", "Chuanchang"), ("鱼市", "Yushi"),
    ("岬角", "Jiajiao"), ("风车", "Fengche"), ("石浦", "Shipu"), ("松山脚", "Songshanjiao"), ("茶山", "Chashan"),
    ("龙泉", "Longquan"), ("鸥屿南岙", "Ouyu Nanao"), ("鸥屿北岙", "Ouyu Beiao"), ("青岩里", "Qingyanli"),
    ("城隍", "Chenghuang"), ("石板", "Shiban"), ("望岩", "Wangyan"), ("云岭上", "Yunlingshang"),
    ("学院", "Xueyuan"), ("泉山", "Quanshan"), ("老街口", "Laojiekou"), ("染坊", "Ranfang"), ("酒坊", "Jiufang"),
    ("岩前", "Yanqian"), ("采石", "Caishi"), ("青年", "Qingnian"), ("林溪", "Linxi"), ("果园", "Guoyuan"),
    ("杉林", "Shanlin"), ("茶亭", "Chating"), ("驿站", "Yizhan"), ("半山", "Banshan"), ("港城一村", "Gangcheng Yicun"),
    ("港城二村", "Gangcheng Ercun"), ("海员", "Haiyuan"), ("堆场", "Duichang"), ("临港里", "Lingangli"),
    ("新厂", "Xinchang"), ("铁路", "Tielu"), ("机械", "Jixie"), ("保税", "Baoshui"), ("联检", "Lianjian"),
    ("仓前", "Cangqian"), ("南湾里", "Nanwanli"), ("湿地", "Shidi"), ("听海", "Tinghai"), ("盐田", "Yantian"),
    ("晒场", "Shaichang"), ("塘桥", "Tangqiao"), ("沙头", "Shatou"), ("沙洲", "Shazhou"), ("堤南", "Dinan"),
    ("长屿东", "Changyu Dong"), ("长屿西", "Changyu Xi"),
)  # fmt: skip
"""In the order of the streets above; enough for every community."""

ROADS: tuple[tuple[str, str, int, tuple[Point, ...]], ...] = (
    ("澜北快速路", "Lanbei Expressway", 1, (
        (389, 272), (440, 268), (500, 275), (570, 282), (640, 278), (690, 272), (740, 262), (780, 258),
        (810, 270), (840, 290), (885, 305), (930, 305), (968, 300))),
    ("滨海大道", "Binhai Avenue", 1, (
        (726, 130), (722, 180), (716, 240), (705, 290), (690, 330), (678, 372), (664, 420), (655, 455),
        (655, 500), (668, 545), (683, 590), (685, 640), (668, 700))),
    ("临港大道", "Lingang Avenue", 1, (
        (415, 545), (450, 538), (500, 532), (560, 538), (620, 545), (690, 550), (750, 558), (800, 563),
        (850, 560), (885, 563))),
    ("中山路", "Zhongshan Road", 1, (
        (378, 398), (430, 400), (490, 402), (540, 408), (580, 412), (625, 412), (660, 410), (700, 414),
        (735, 425))),
    ("望海路", "Wanghai Road", 2, (
        (560, 405), (600, 408), (640, 402), (690, 395), (715, 405), (738, 430), (730, 455))),
    ("东海路", "Donghai Road", 2, (
        (655, 455), (690, 440), (715, 420), (728, 412))),
    ("学府路", "Xuefu Road", 2, (
        (600, 330), (605, 370), (612, 410), (620, 450), (628, 492), (640, 545))),
    ("文昌路", "Wenchang Road", 2, (
        (578, 430), (620, 448), (655, 456), (700, 452), (735, 448))),
    ("滨江路", "Binjiang Road", 2, (
        (592, 328), (625, 342), (655, 360), (690, 385), (720, 402))),
    ("江北路", "Jiangbei Road", 2, (
        (470, 312), (520, 300), (570, 298), (620, 310), (660, 330), (700, 350))),
    ("北辰路", "Beichen Road", 2, (
        (612, 165), (622, 210), (634, 250), (645, 300), (650, 330))),
    ("云桥路", "Yunqiao Road", 2, (
        (462, 205), (466, 250), (470, 300), (472, 322))),
    ("云岭路", "Yunling Road", 2, (
        (475, 330), (478, 370), (470, 410), (478, 450), (486, 500), (480, 535))),
    ("学院街", "Xueyuan Street", 2, (
        (420, 372), (460, 368), (510, 372), (560, 378), (600, 372))),
    ("老街", "Laojie", 2, (
        (520, 380), (535, 410), (540, 450), (548, 490), (560, 538))),
    ("松山路", "Songshan Road", 2, (
        (780, 150), (812, 190), (835, 220), (850, 250), (842, 290), (838, 345))),
    ("东屿路", "Dongyu Road", 2, (
        (760, 215), (805, 222), (850, 225), (900, 235), (950, 255), (990, 280))),
    ("港城三路", "Gangcheng 3rd Road", 2, (
        (690, 520), (730, 525), (770, 530), (812, 535), (845, 540))),
    ("南湾路", "Nanwan Road", 2, (
        (640, 545), (670, 570), (705, 605), (735, 630), (770, 650))),
    ("盐塘路", "Yantang Road", 2, (
        (500, 610), (550, 612), (600, 618), (650, 625), (700, 640), (745, 660))),
    ("环湾路", "Huanwan Road", 2, (
        (735, 455), (750, 495), (790, 512), (820, 530), (840, 560))),
)  # fmt: skip
BRIDGE: tuple[Point, ...] = ((902, 318), (907, 360), (906, 410), (901, 460), (890, 520), (878, 553))

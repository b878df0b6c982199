"""The words that the demo bank's branches and ATMs are named and placed with. Tables only.

The streets are names that very many Chinese towns have; that a town has this one at this number is made up.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


STREETS = _words(
    """
    人民路 人民东路 人民西路 人民南路 人民北路 解放路 解放大道 中山路 中山东路 中山北路 建设路 建设大街 新华路
    新华大街 和平路 和平大街 文化路 文化街 胜利路 胜利大街 团结路 光明路 幸福路 育才路 学府路 迎宾大道 世纪大道
    滨河路 滨江大道 振兴路 兴业路 富民路 朝阳路 青年路 工业路 商业街 花园路 公园路 湖滨路 长江路 黄河路 北京路
    南京路 东风路 友谊路 红旗路 健康路 前进路 环城东路 环城西路 环城南路 环城北路 站前路 车站路 西湖路 梅园路
    桂花路 银杏路 紫荆路 金桥路 新城大道 科技路 创业路 丰收路 龙泉路 凤凰路 翠湖路 明珠路 锦绣路 康宁路
    """
)

# Where an ATM stands when it is not in a branch: Chinese name, English name, location category, open day and night.
FREE_PLACES = {
    "购物中心": ("Shopping Centre", "RETAILER_OUTLET", False),
    "超市": ("Supermarket", "RETAILER_OUTLET", False),
    "火车站": ("Railway Station", "REMOTE_UNIT", True),
    "汽车站": ("Coach Station", "REMOTE_UNIT", False),
    "医院": ("Hospital", "REMOTE_UNIT", True),
    "大学": ("University", "REMOTE_UNIT", True),
    "政务服务中心": ("Citizen Service Centre", "OTHER", False),
    "工业园": ("Industrial Park", "REMOTE_UNIT", True),
    "加油站": ("Filling Station", "RETAILER_OUTLET", True),
}

# Peoples in the names of autonomous divisions; the longer names first, so that none is cut in two.
PEOPLES = _words(
    """
    柯尔克孜 哈萨克 维吾尔 达斡尔 鄂温克 鄂伦春 塔吉克 蒙古 回 藏 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 傣 黎
    傈僳 佤 畲 拉祜 水 东乡 纳西 景颇 土 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 普米 怒 裕固 保安 独龙 各
    """
)

# English names that are not the pinyin of the Chinese one.
ENGLISH_NAMES = {
    "内蒙古": "Inner Mongolia",
    "陕西": "Shaanxi",
    "西藏": "Xizang",
    "新疆": "Xinjiang",
    "哈尔滨": "Harbin",
    "呼和浩特": "Hohhot",
    "乌鲁木齐": "Urumqi",
    "拉萨": "Lhasa",
    "日喀则": "Xigaze",
    "昌都": "Qamdo",
    "林芝": "Nyingchi",
    "那曲": "Nagqu",
    "阿里": "Ngari",
    "喀什": "Kashgar",
    "和田": "Hotan",
    "克拉玛依": "Karamay",
    "吐鲁番": "Turpan",
    "哈密": "Hami",
    "伊犁": "Ili",
    "鄂尔多斯": "Ordos",
    "呼伦贝尔": "Hulunbuir",
    "包头": "Baotou",
    "锡林郭勒": "Xilingol",
    "阿拉善": "Alxa",
    "齐齐哈尔": "Qiqihar",
    "佳木斯": "Jiamusi",
    "格尔木": "Golmud",
    "香格里拉": "Shangri-La",
}

# First two digits of the post codes of a province, by the first two digits of its division code.
POST_PREFIX = dict(
    pair.split(":")
    for pair in _words(
        """
        11:10 12:30 13:05 14:03 15:01 21:11 22:13 23:15 31:20 32:21 33:31 34:23 35:35 36:33 37:25 41:45
        42:43 43:41 44:51 45:53 46:57 50:40 51:61 52:55 53:65 54:85 61:71 62:73 63:81 64:75 65:83
        """
    )
)

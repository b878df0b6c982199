"""The tables that the billers are made from: cities, kinds of bill, and how each kind is billed.

Every company here is invented, and says so: each name carries 示范 ("Demo"). Cities are real, by their GB/T 2260 codes;
their names come from `data/divisions.csv`. This module states facts and computes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CATEGORIES", "CITIES", "NATIONAL", "PROFILES", "Category", "City", "National", "Profile"]


class City(NamedTuple):
    """A city and the words that its billers are named with."""

    adcode: str
    code: str
    """Begins the `biller_code`."""
    name_en: str
    short: str
    """The one character by which people call the city."""
    brand: str
    brand_en: str
    has_heating: bool
    """North of the Qinling-Huaihe line, where heat is piped and billed."""


CITIES: tuple[City, ...] = (
    City("110000", "BJ", "Beijing", "京", "京澄", "Jingcheng", True),
    City("120000", "TJ", "Tianjin", "津", "津渡", "Jindu", True),
    City("130100", "SJZ", "Shijiazhuang", "石", "滹沱", "Hutuo", True),
    City("140100", "TY", "Taiyuan", "并", "并汾", "Bingfen", True),
    City("210100", "SY", "Shenyang", "沈", "沈岸", "Shen'an", True),
    City("210200", "DL", "Dalian", "连", "连湾", "Lianwan", True),
    City("211300", "CY", "Chaoyang", "朝", "凌塔", "Lingta", True),
    City("220100", "CC", "Changchun", "春", "春序", "Chunxu", True),
    City("220200", "JL", "Jilin City", "吉", "吉畔", "Jipan", True),
    City("230100", "HRB", "Harbin", "哈", "冰桥", "Bingqiao", True),
    City("310000", "SH", "Shanghai", "沪", "沪汀", "Huting", False),
    City("320100", "NJ", "Nanjing", "宁", "宁垣", "Ningyuan", False),
    City("320500", "SZ", "Suzhou", "苏", "苏桨", "Sujiang", False),
    City("330100", "HZ", "Hangzhou", "杭", "杭屿", "Hangyu", False),
    City("330200", "NB", "Ningbo", "甬", "甬舟", "Yongzhou", False),
    City("340100", "HF", "Hefei", "合", "合皋", "Hegao", False),
    City("350100", "FZ", "Fuzhou", "榕", "榕渚", "Rongzhu", False),
    City("350200", "XM", "Xiamen", "鹭", "鹭汐", "Luxi", False),
    City("370100", "JN", "Jinan", "济", "济沚", "Jizhi", True),
    City("370200", "QD", "Qingdao", "青", "青礁", "Qingjiao", True),
    City("410100", "ZZ", "Zhengzhou", "郑", "郑塬", "Zhengyuan", True),
    City("420100", "WH", "Wuhan", "汉", "汉矶", "Hanji", False),
    City("430100", "CS", "Changsha", "长", "长橘", "Changju", False),
    City("440100", "GZ", "Guangzhou", "穗", "穗渡", "Suidu", False),
    City("440300", "SZX", "Shenzhen", "深", "深蔚", "Shenwei", False),
    City("500000", "CQ", "Chongqing", "渝", "渝岫", "Yuxiu", False),
    City("510100", "CD", "Chengdu", "蓉", "蓉堰", "Rongyan", False),
    City("530100", "KM", "Kunming", "昆", "昆霁", "Kunji", False),
    City("610100", "XA", "Xi'an", "西", "镐原", "Haoyuan", True),
    City("650100", "URC", "Urumqi", "乌", "雪驿", "Xueyi", True),
)


class Category(NamedTuple):
    """A kind of bill: its words, and the layout of its account numbers."""

    code: str
    name: tuple[str, str]
    company: tuple[str, str]
    """What follows the brand and 示范 in a company's name, in Chinese and in English."""
    called: tuple[str, ...]
    """What people write after the name of the city."""
    lead: str
    """First digits of every number of the category; the first four of the city's adcode follow."""
    serial_length: int
    check_digit: str
    label: tuple[str, str]
    where: tuple[str, str]
    """Where the payer finds the number."""
    cities: str
    """Which cities have one: ALL, NORTH, or the codes of the cities; NATIONAL has a table of its own."""


CATEGORIES: tuple[Category, ...] = (
    Category(
        "ELECTRICITY",
        ("电费", "Electricity"),
        ("电力", "Power"),
        ("电费", "电力"),
        "",
        5,
        "LUHN",
        ("户号", "Account number"),
        ("电费账单左上角", "at the top left of the electricity bill"),
        "ALL",
    ),
    Category(
        "WATER",
        ("水费", "Water"),
        ("水务", "Water"),
        ("水费", "自来水"),
        "2",
        5,
        "ISO7064_MOD11_10",
        ("户号", "Account number"),
        ("水费通知单首行", "in the first line of the water bill"),
        "ALL",
    ),
    Category(
        "GAS",
        ("燃气费", "Gas"),
        ("燃气", "Gas"),
        ("燃气费", "煤气费", "天然气"),
        "3",
        5,
        "ISO7064_MOD97_10",
        ("燃气号", "Gas account number"),
        ("燃气卡或账单上", "on the gas card or the bill"),
        "ALL",
    ),
    Category(
        "HEATING",
        ("供暖费", "Heating"),
        ("热力", "Heating"),
        ("暖气费", "供热费", "取暖费"),
        "4",
        6,
        "ISO7064_MOD11_10",
        ("供热卡号", "Heating card number"),
        ("供热合同封面", "on the cover of the heating contract"),
        "NORTH",
    ),
    Category(
        "BROADBAND",
        ("宽带费", "Broadband"),
        ("宽带网络", "Broadband"),
        ("宽带", "宽带费", "网费"),
        "5",
        7,
        "LUHN",
        ("宽带账号", "Broadband account"),
        ("装机工单上", "on the installation sheet"),
        "BJ SH GZ SZX NJ HZ WH CD XA CQ SY QD ZZ CS XM",
    ),
    Category(
        "LANDLINE",
        ("固话费", "Landline"),
        ("固网通信", "Telephone"),
        ("固话", "电话费", "座机费"),
        "6",
        6,
        "LUHN",
        ("合同号", "Contract number"),
        ("固话账单右上角", "at the top right of the telephone bill"),
        "BJ TJ SH NJ GZ WH CD JN HRB XA",
    ),
    Category(
        "MOBILE_TOPUP",
        ("手机充值", "Mobile top-up"),
        ("移动通信", "Mobile"),
        ("话费", "手机充值", "充话费"),
        "86",
        8,
        "LUHN",
        ("手机卡账号", "SIM account number"),
        ("手机卡卡托上", "on the holder of the SIM card"),
        "NATIONAL",
    ),
    Category(
        "CABLE_TV",
        ("有线电视费", "Cable TV"),
        ("有线电视", "Cable TV"),
        ("有线电视", "数字电视"),
        "7",
        10,
        "LUHN",
        ("智能卡号", "Smart card number"),
        ("机顶盒智能卡背面", "on the back of the card in the set-top box"),
        "BJ TJ SJZ TY SY CC HRB SH NJ HZ HF FZ JN ZZ WH CS GZ CD KM URC",
    ),
    Category(
        "PROPERTY_FEE",
        ("物业费", "Property fee"),
        ("物业服务", "Property Services"),
        ("物业费", "物业管理费"),
        "8",
        7,
        "ISO7064_MOD97_10",
        ("房屋编号", "Property number"),
        ("物业缴费通知单上", "on the notice of the property manager"),
        "ALL",
    ),
    Category(
        "TUITION",
        ("学费", "Tuition"),
        ("实验学院", "College"),
        ("学费", "学杂费"),
        "9",
        8,
        "ISO7064_MOD11_10",
        ("学号", "Student number"),
        ("学生证首页", "on the first page of the student card"),
        "BJ TJ SY CC HRB SH NJ HZ WH CS GZ CQ CD XA KM",
    ),
    Category(
        "SOCIAL_INSURANCE",
        ("社会保险费", "Social insurance"),
        ("社保代收", "Social Insurance Collection"),
        ("社保", "社保费"),
        "10",
        8,
        "ISO7064_MOD97_10",
        ("缴费编号", "Contribution number"),
        ("参保缴费凭证上", "on the contribution certificate"),
        "TJ SJZ SY CC NJ HF ZZ CQ",
    ),
    Category(
        "TRAFFIC_FINE",
        ("交通罚款", "Traffic fine"),
        ("交通罚款代收", "Traffic Fine Collection"),
        ("交通罚款", "违章罚款"),
        "11",
        8,
        "ISO7064_MOD97_10",
        ("处罚决定书编号", "Penalty decision number"),
        ("处罚决定书右上角", "at the top right of the decision"),
        "BJ SH HZ QD WH SZX CD JL",
    ),
    Category(
        "DONATION",
        ("公益捐款", "Donation"),
        ("公益基金", "Foundation"),
        ("捐款", "公益"),
        "12",
        5,
        "LUHN",
        ("项目编号", "Project number"),
        ("项目公示页上", "on the page of the project"),
        "NATIONAL",
    ),
)


class National(NamedTuple):
    """A biller for the whole country; its number takes the place of the city's code in account numbers."""

    category: str
    brand: str
    brand_en: str
    seat: str
    lead: str


NATIONAL: tuple[National, ...] = (
    National("MOBILE_TOPUP", "云讯", "Yunxun", "SH", "21"),
    National("MOBILE_TOPUP", "蓝陆", "Lanlu", "BJ", "22"),
    National("MOBILE_TOPUP", "星桥", "Xingqiao", "GZ", "23"),
    National("MOBILE_TOPUP", "禾声", "Hesheng", "CD", "24"),
    National("DONATION", "青禾", "Qinghe", "BJ", "01"),
    National("DONATION", "晨灯", "Chendeng", "SH", "02"),
    National("DONATION", "远山", "Yuanshan", "CD", "03"),
    National("DONATION", "清渠", "Qingqu", "XA", "04"),
    National("DONATION", "暖冬", "Nuandong", "HRB", "05"),
    National("DONATION", "绿芽", "Lüya", "GZ", "06"),
)


class Profile(NamedTuple):
    """One way in which a kind of bill is asked for and paid; amounts in yuan."""

    fetch_mode: str
    presentment: str
    exactness: str
    selection: str
    min_amount: str
    max_amount: str
    multiple: str = ""
    weight: int = 1
    """How many of the category's billers work so, relative to its other profiles."""


PROFILES: dict[str, tuple[Profile, ...]] = {
    "ELECTRICITY": (
        Profile("FETCH", "AMOUNT", "EXACT", "OLDEST_FIRST", "0.01", "20000.00", weight=5),
        Profile("FETCH", "AMOUNT", "EXACT_UP", "ALL", "0.01", "20000.00", weight=2),
        Profile("VALIDATE", "NONE", "RANGE", "ONE", "10.00", "2000.00", multiple="10.00", weight=2),
    ),
    "WATER": (
        Profile("FETCH", "AMOUNT", "EXACT", "ALL", "0.01", "5000.00", weight=5),
        Profile("FETCH", "FULL", "EXACT", "MANY", "0.01", "5000.00", weight=2),
        Profile("FETCH", "EXISTENCE", "EXACT", "OLDEST_FIRST", "0.01", "5000.00", weight=1),
    ),
    "GAS": (
        Profile("FETCH", "AMOUNT", "EXACT_UP", "ALL", "0.01", "5000.00", weight=4),
        Profile("VALIDATE", "NONE", "RANGE", "ONE", "20.00", "3000.00", multiple="10.00", weight=3),
    ),
    "HEATING": (
        Profile("FETCH", "AMOUNT", "EXACT", "ONE", "0.01", "20000.00", weight=3),
        Profile("FETCH", "FULL", "EXACT_DOWN", "ONE", "100.00", "20000.00", weight=2),
    ),
    "BROADBAND": (
        Profile("FETCH", "AMOUNT", "EXACT", "ONE", "0.01", "5000.00", weight=2),
        Profile("FETCH", "EXISTENCE", "EXACT_UP", "ALL", "0.01", "5000.00", weight=1),
    ),
    "LANDLINE": (
        Profile("FETCH", "EXISTENCE", "EXACT", "ALL", "0.01", "3000.00", weight=1),
        Profile("FETCH", "AMOUNT", "ANY", "OLDEST_FIRST", "1.00", "3000.00", weight=1),
    ),
    "MOBILE_TOPUP": (
        Profile("DIRECT", "NONE", "EXACT", "ONE", "10.00", "500.00", weight=1),
        Profile("DIRECT", "NONE", "RANGE", "ONE", "10.00", "500.00", multiple="10.00", weight=1),
    ),
    "CABLE_TV": (
        Profile("FETCH", "AMOUNT", "EXACT", "MANY", "0.01", "2000.00", weight=3),
        Profile("VALIDATE", "NONE", "RANGE", "ONE", "1.00", "2000.00", weight=1),
    ),
    "PROPERTY_FEE": (
        Profile("FETCH", "AMOUNT", "EXACT_DOWN", "OLDEST_FIRST", "1.00", "50000.00", weight=2),
        Profile("FETCH", "AMOUNT", "EXACT", "MANY", "0.01", "50000.00", weight=2),
        Profile("FETCH", "FULL", "EXACT", "ALL", "0.01", "50000.00", weight=1),
    ),
    "TUITION": (
        Profile("FETCH", "FULL", "EXACT", "ALL", "0.01", "50000.00", weight=2),
        Profile("FETCH", "AMOUNT", "EXACT_DOWN", "ONE", "500.00", "50000.00", weight=1),
    ),
    "SOCIAL_INSURANCE": (Profile("FETCH", "AMOUNT", "EXACT", "ONE", "0.01", "30000.00"),),
    "TRAFFIC_FINE": (Profile("FETCH", "AMOUNT", "EXACT", "MANY", "20.00", "5000.00"),),
    "DONATION": (Profile("VALIDATE", "NONE", "ANY", "ONE", "0.01", "50000.00"),),
}

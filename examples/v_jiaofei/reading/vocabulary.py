"""The words of the chat: what people call bills, currencies and places, and what they say around them.

Tables only; all in folded spelling (see `folding`). What the bank itself calls its categories and cities comes from its
API and is not repeated here.
"""

from __future__ import annotations

from enum import Enum

__all__ = [
    "ABBREVIATIONS",
    "CATEGORY_WORDS",
    "CURRENCY_WORDS",
    "FORMER_DISTRICTS",
    "INITIALS",
    "LABELS",
    "LATIN_CATEGORIES",
    "LATIN_WORDS",
    "NICKNAMES",
    "NOT_A_NAME",
    "OFTEN_MISTYPED",
    "SINGLE_CATEGORIES",
    "SOUND_ALIKES",
    "WORDS",
    "Role",
]


class Role(Enum):
    """What a word does in a message."""

    PLACE = "place"
    CATEGORY = "category"
    CURRENCY = "currency"
    PAY = "pay"
    NEAR = "near"
    BRANCH = "branch"
    BANK = "bank"
    RATE = "rate"
    HELP = "help"
    GREETING = "greeting"
    THANKS = "thanks"
    NOT = "not"
    LABEL = "label"
    """Names a number; the value is the category that has such numbers, or nothing."""
    FILLER = "filler"


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


CATEGORY_WORDS: dict[str, tuple[str, ...]] = {
    "电费 用电 电力 电网 国网 国家电网 南网 供电 供电局 照明费 电表 电卡 缴电 电费单 没电": ("ELECTRICITY",),
    "水费 自来水 自来水费 水务 用水 供水 水表 水卡 水费单 没水": ("WATER",),
    "燃气费 燃气 煤气费 煤气 天然气 天然气费 管道气 气费 煤费 瓦斯 瓦斯费 没气": ("GAS",),
    "供暖费 供暖 暖气费 暖气 取暖费 取暖 供热费 供热 采暖费 采暖 热力 热力费 地暖 地暖费": ("HEATING",),
    "宽带费 宽带 网费 上网费 网络费 光纤 光宽带 没网": ("BROADBAND",),
    "固话费 固话 固定电话 固定电话费 座机费 座机 市话 市话费": ("LANDLINE",),
    "话费 手机费 手机话费 手机充值 充话费 充手机 手机充 话费充值 流量 流量费": ("MOBILE_TOPUP",),
    "有线电视费 有线电视 数字电视 数字电视费 电视费 有线费 有线 机顶盒": ("CABLE_TV",),
    "物业费 物业 物业管理费 物管费 物业服务费": ("PROPERTY_FEE",),
    "学费 学杂费 书本费 学校费用": ("TUITION",),
    "社会保险费 社会保险 社保费 社保 医保 医保费 养老保险 养老保险费 居民医保 灵活就业": ("SOCIAL_INSURANCE",),
    "交通罚款 交通违章 交通违法 违章罚款 违章 罚款 罚单 违停": ("TRAFFIC_FINE",),
    "公益捐款 捐款 捐钱 捐点钱 捐点 捐助 捐赠 公益 善款": ("DONATION",),
    # These say more than one thing: ask.
    "水电费 水电": ("ELECTRICITY", "WATER"),
    "水电煤 水电煤费 水电气 水电气费 水电燃气": ("ELECTRICITY", "GAS", "WATER"),
    "电话费": ("LANDLINE", "MOBILE_TOPUP"),
}
"""Words, separated by blanks -> the categories that they may mean. For bills of 13 kinds, by the bank's codes."""

SINGLE_CATEGORIES: dict[str, tuple[str, ...]] = {"电": ("ELECTRICITY",), "水": ("WATER",), "气": ("GAS",)}
"""Where they stand by themselves, as in 交电 or 上海 水 2310…"""

SOUND_ALIKES = _words("税费 税务 花费 网飞 发款 用点 供点 太远 上还 上害 大脸 西岸 下门")
"""Words in their own right, though they sound like a bill or a city."""

OFTEN_MISTYPED = _words("电力 用电 供电 水务 燃气 煤气 宽带 物业 社保 医保 罚款 捐款 固话 违章")
"""Two characters without 费 that are understood by their sound, too; longer words and those with 费 always are."""

LATIN_CATEGORIES: dict[str, str] = {
    "ELECTRICITY": "electricity electric power dianfei",
    "WATER": "water shuifei",
    "GAS": "gas ranqi ranqifei meiqi meiqifei tianranqi",
    "HEATING": "heating heat nuanqi nuanqifei gongnuanfei",
    "BROADBAND": "broadband internet kuandai kuandaifei wangfei",
    "LANDLINE": "landline guhua zuoji",
    "MOBILE_TOPUP": "topup huafei",
    "CABLE_TV": "cabletv cable",
    "PROPERTY_FEE": "property propertyfee wuye wuyefei",
    "TUITION": "tuition xuefei",
    "SOCIAL_INSURANCE": "socialinsurance shebao",
    "TRAFFIC_FINE": "trafficfine fakuan weizhang",
    "DONATION": "donation donate juankuan",
}

CURRENCY_WORDS: dict[str, str] = {
    "USD": "美元 美金 美刀 usd dollar dollars",
    "EUR": "欧元 eur euro euros",
    "GBP": "英镑 gbp pound pounds sterling",
    "JPY": "日元 日圆 日币 jpy yen",
    "HKD": "港币 港元 港纸 hkd",
    "AUD": "澳元 澳币 澳大利亚元 aud",
    "CAD": "加元 加币 加拿大元 cad",
    "CHF": "瑞郎 瑞士法郎 chf",
    "SGD": "新加坡元 新币 坡币 sgd",
    "NZD": "新西兰元 纽元 纽币 nzd",
    "KRW": "韩元 韩币 韩国元 韩圆 krw",
    "THB": "泰铢 泰国铢 thb",
    "MYR": "林吉特 马币 令吉 myr",
    "PHP": "菲律宾比索 比索 php",
    "IDR": "印尼卢比 印尼盾 idr",
    "INR": "印度卢比 inr",
    "SEK": "瑞典克朗 sek",
    "NOK": "挪威克朗 nok",
    "DKK": "丹麦克朗 dkk",
    "ZAR": "南非兰特 兰特 zar",
    "TRY": "土耳其里拉 里拉",
    "BRL": "巴西里亚尔 雷亚尔 brl",
    "MOP": "澳门元 葡币 mop",
    "TWD": "新台币 台币 twd",
    "RUB": "卢布 俄罗斯卢布 rub",
}
"""ISO 4217 code -> words. Whether the bank quotes it is for its board to say."""

NICKNAMES: dict[str, tuple[str, ...]] = {
    "魔都 申城 上海滩 大上海": ("310000",),
    "帝都 京城 首都 北京城": ("110000",),
    "津门 津城": ("120000",),
    "山城 雾都": ("500000",),
    "蓉城 锦城": ("510100",),
    "羊城 花城": ("440100",),
    "鹏城": ("440300",),
    "江城": ("220200", "420100"),
    "星城": ("430100",),
    "金陵": ("320100",),
    "姑苏城": ("320500",),
    "杭城": ("330100",),
    "甬城": ("330200",),
    "榕城": ("350100",),
    "鹭岛": ("350200",),
    "泉城": ("370100",),
    "岛城": ("370200",),
    "冰城": ("230100",),
    "滨城": ("210200",),
    "盛京": ("210100",),
    "春城": ("220100", "530100"),
    "庐州": ("340100",),
    "龙城": ("140100", "320400", "450200"),
    "乌市": ("650100",),
}
"""Names, separated by blanks -> codes of cities; several where several are called so."""

FORMER_DISTRICTS: dict[str, str] = {
    "江北 渝北": "500000",
    "闸北 卢湾 南汇": "310000",
    "崇文 宣武": "110000",
    "塘沽 汉沽 大港": "120000",
    "江干 下城": "330100",
    "白下 下关": "320100",
    "沧浪 金阊": "320500",
    "江东": "330200",
    "萝岗 东山": "440100",
    "四方": "370200",
}
"""Districts that are no more, without their 区, and still named -> code of the city."""

ABBREVIATIONS: dict[str, str] = {
    "京": "110000", "津": "120000", "沪": "310000", "渝": "500000", "蓉": "510100", "穗": "440100", "深": "440300",
    "杭": "330100", "甬": "330200", "榕": "350100", "鹭": "350200", "宁": "320100", "苏": "320500", "汉": "420100",
    "郑": "410100", "沈": "210100", "哈": "230100", "济": "370100", "青": "370200", "昆": "530100", "乌": "650100",
    "连": "210200", "合": "340100", "并": "140100", "石": "130100", "春": "220100", "西": "610100", "长": "430100",
}  # fmt: skip
"""One character for a city, good only at the beginning of 沪电费 and the like."""

INITIALS: dict[str, tuple[str, ...]] = {
    "bj": ("110000",),
    "sh": ("310000",),
    "tj": ("120000",),
    "cq": ("500000",),
    "gz": ("440100",),
    "sz": ("320500", "440300"),
    "hz": ("330100",),
    "cd": ("510100",),
    "wh": ("420100",),
    "nj": ("320100",),
}
"""Initials of pinyin that are really typed."""

NOT_A_NAME = _words(
    "城区 郊区 矿区 新城 城关 市中 高新 开发 经开 桥西 解放 海港 城中 城东 城西 城南 城北 中原 中心 新市"
)
"""Districts that are taken for one only with their 区."""

WORDS: dict[Role, str] = {
    Role.PAY: (
        "交 缴 付 充 交费 缴费 付费 充费 缴纳 交纳 代缴 代交 缴付 支付 付款 缴款 交钱 充值 欠费 账单 帐单 缴清 交清 "
        "缴一下 交一下 付一下 充一下 要缴 要交 交下 缴下 生活缴费 水单 查费"
    ),
    Role.NEAR: "最近的 附近 附近的 旁边 周边 周围 就近 离我 离我最近 哪里 哪儿 哪有 在哪 怎么走 最近 近一点 近的",
    Role.BRANCH: (
        "网点 支行 分行 营业厅 营业部 营业点 营业所 柜台 柜面 自助银行 取款机 提款机 存款机 柜员机 自动取款机 储蓄所 "
        "缴费点 服务点"
    ),
    Role.BANK: "银行",
    Role.RATE: "汇率 牌价 外汇 外币 兑换 换汇 结汇 购汇 换多少 能换 兑人民币 换人民币 汇价",
    Role.HELP: (
        "帮助 怎么用 咋用 如何使用 使用说明 使用方法 教程 说明书 菜单 功能 能交什么 可以交什么 能缴什么 可以缴什么 "
        "能交哪些 能干什么 能做什么 会什么 会干什么 你是谁 有什么用 人工 人工客服 转人工"
    ),
    Role.GREETING: "你好 您好 在吗 在么 在不在 哈喽 嗨喽 有人吗 早上好 晚上好 下午好",
    Role.THANKS: "谢谢 多谢 感谢 谢啦 谢了 谢谢啦 谢谢了 谢谢你 谢谢您 辛苦了 辛苦 感恩 非常感谢 万分感谢 太感谢了",
    Role.NOT: "不是 不要 不交 不缴 不付 别交 别缴 而不是 并非 不用交 不用缴 不想交 不查",
    Role.FILLER: (
        "我 我的 我家 我们 我们家 我要 我想 我在 帮我 给我 帮忙 麻烦 麻烦了 麻烦您 请 请问 请帮 想 要 想要 需要 的 "
        "了 吧 吗 呢 啊 呀 哦 嗯 哈 亲 亲爱的 小编 客服 是 是不是 就是 和 跟 与 在 这 那 这边 那边 这个 那个 这里 "
        "那里 这个月 本月 上个月 上月 下个月 今天 今儿 昨天 明天 现在 目前 马上 赶紧 尽快 快点 多少 多少钱 几块 查 "
        "查查 查询 查一下 查下 看 看看 看一下 一下 下 能 可以 能不能 可不可以 能否 家 家里 家的 房子 小区 妈 我妈 "
        "我妈家 爸 我爸 爸妈 父母 老家 孩子 别的 户主 户名 住在 住址 地址 城市 地区 项目 类型 类别 单位 缴费单位 也 "
        "还有 然后 一起 都 回复 转发微博 收到 好的 好 大概 左右 怎么 怎样 如何 用 到 去 对 钱 给 为 从 把"
    ),
}
"""Role -> words, separated by blanks."""

LATIN_WORDS: dict[Role, str] = {
    Role.PAY: "pay bill bills jiao jiaofei payment charge",
    Role.NEAR: "near nearest nearby closest where",
    Role.BRANCH: "branch branches atm atms wangdian",
    Role.BANK: "bank yinhang",
    Role.RATE: "rate rates fx forex exchange huilv huilu",
    Role.HELP: "help menu bangzhu",
    Role.GREETING: "hello hi hey nihao",
    Role.THANKS: "thx thanks thank thankyou xiexie tks",
    Role.FILLER: (
        "i my me in of the to for a an is at and please want need would like wo yao xiang de account acct number no "
        "huhao zhanghao shi qing you today how much what s d"
    ),
}

LABELS: dict[str, str] = {
    "": (
        "户号 户头 用户号 客户号 客户编号 用户编号 账号 帐号 账户 帐户 卡号 编号 缴费号 缴费编号 号码 号 表号 合同号 "
        "条码 缴费码 手机 手机号 手机号码 电话 联系电话 电话号码"
    ),
    "ELECTRICITY": "电表号 电费户号 用电户号 电号",
    "WATER": "水表号 水费户号 用水户号 水号",
    "GAS": "燃气号 燃气卡号 燃气户号 煤气号 煤气卡号",
    "HEATING": "供热卡号 供暖卡号 热力卡号 暖气卡号",
    "BROADBAND": "宽带账号 宽带帐号 宽带号",
    "CABLE_TV": "智能卡号 智能卡 机顶盒号",
    "PROPERTY_FEE": "房屋编号 房号",
    "TUITION": "学号",
    "TRAFFIC_FINE": "决定书编号 处罚决定书编号 罚单编号 决定书",
    "MOBILE_TOPUP": "手机卡账号 手机卡",
    "DONATION": "项目编号 项目号",
}
"""Category that alone has numbers of this name, or "" -> the names, separated by blanks."""

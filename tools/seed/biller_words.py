"""What people call a kind of bill, in Chinese, pinyin and English. A table only.

A word may mean several kinds: 电话费 is that of the telephone at home or of the mobile one.
"""

from __future__ import annotations

__all__ = ["WORDS"]

WORDS: dict[str, str] = {
    "ELECTRICITY": """
        电 电费 dianfei 电力 dianli 用电 yongdian 供电 gongdian 电表 dianbiao 电网 dianwang
        国网 electricity electric power
        """,
    "WATER": """
        水 水费 shuifei 自来水 zilaishui 自来水费 用水 yongshui 供水 gongshui 水务 shuiwu 水表 shuibiao water
        """,
    "GAS": """
        气费 qifei 燃气 ranqi 燃气费 ranqifei 煤气 meiqi 煤气费 meiqifei 天然气 tianranqi 天然气费 tianranqifei gas
        """,
    "HEATING": """
        供暖 gongnuan 供暖费 gongnuanfei 暖气 nuanqi 暖气费 nuanqifei 供热 gongre 供热费 gongrefei 取暖 qunuan 取暖费
        qunuanfei 采暖 采暖费 热力 reli 热力费 heating
        """,
    "BROADBAND": """
        宽带 kuandai 宽带费 kuandaifei 网费 wangfei 上网费 网络费 宽带网络 broadband internet wifi
        """,
    "LANDLINE": """
        固话 guhua 固话费 guhuafei 座机 zuoji 座机费 zuojifei 固定电话 电话费 dianhuafei 固网通信
        landline telephone phone
        """,
    "MOBILE_TOPUP": """
        话费 huafei 充话费 手机 shouji 手机费 shoujifei 手机话费 手机充值 shoujichongzhi 电话费 dianhuafei 流量 liuliang
        移动通信 mobile phone topup top-up
        """,
    "CABLE_TV": """
        电视 dianshi 电视费 dianshifei 有线 有线电视 youxiandianshi 有线电视费 数字电视 机顶盒 cable tv television
        """,
    "PROPERTY_FEE": """
        物业 wuye 物业费 wuyefei 物业管理费 物管费 物业服务 property
        """,
    "TUITION": """
        学费 xuefei 学杂费 xuezafei 学校 xuexiao tuition school
        """,
    "SOCIAL_INSURANCE": """
        社保 shebao 社保费 shebaofei 社会保险 社会保险费 医保 yibao 医疗保险 养老保险 社保代收 social insurance
        """,
    "TRAFFIC_FINE": """
        罚款 fakuan 交通罚款 违章 weizhang 违章罚款 交通违章 罚单 fadan 违法罚款 交通罚款代收 traffic fine fines
        """,
    "DONATION": """
        捐款 juankuan 公益 gongyi 公益捐款 捐赠 juanzeng 慈善 cishan 公益基金 donation donate charity
        """,
}

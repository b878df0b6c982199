"""What people read, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from flask import request, session

from openteller.models import Availability, DayHours, LocalizedText

from .search import Place

__all__ = ["LANGUAGES", "at", "code", "language", "opening", "refused", "say", "special", "title", "week", "zone_of"]

LANGUAGES = ("zh-CN", "en")
_TEXTS = {
    "title": ("网点查询", "Branch finder"),
    "other_language": ("English", "中文"),
    "branches": ("网点", "Branches"),
    "atms": ("自动柜员机", "Cash machines"),
    "q": ("名称、地址或城市", "Name, address or city"),
    "q_hint": ("中文、拼音、首字母或英文：静安、jingan、ja", "Chinese, pinyin, initials or English: 静安, jingan, ja"),
    "near": ("附近坐标", "Near coordinates"),
    "near_hint": ("纬度,经度，例如 31.2304,121.4737", "latitude,longitude, such as 31.2304,121.4737"),
    "around": ("在此附近：", "Near "),
    "crs": ("坐标系", "Coordinates are of"),
    "open_now": ("现在营业", "Open now"),
    "open_at": ("在此时营业（北京时间）", "Open at (Beijing time)"),
    "service": ("业务", "Service"),
    "accessibility": ("无障碍", "Accessibility"),
    "any": ("不限", "Any"),
    "filters": ("筛选", "Filters"),
    "search": ("查找", "Find"),
    "none": ("没有符合条件的地点。", "Nothing fits."),
    "check": ("有些填写的内容需要修改。", "Something that was filled in needs to be changed."),
    "fault": ("此项无法识别，请修改。", "Change this: "),
    "fault_q": (
        "请写出名称、地址或城市中的文字，最多 64 个字。",
        "Write words of a name, an address or a city, 64 characters at most.",
    ),
    "fault_near": (
        "请先写纬度，后写经度，例如 31.2304,121.4737；顺序颠倒或不在范围内的坐标无法查询。",
        "Write the latitude first, then the longitude, such as 31.2304,121.4737.",
    ),
    "fault_open_at": (
        "请写出日期和时间，不能与“现在营业”同时选择，也不能太早或太晚。",
        "Write a day and a time, not together with what is open now, and not too far away.",
    ),
    "fault_around": ("没有这个地点。", "There is no such place."),
    "fault_page": ("无法查询，请从头开始。", "This cannot be looked up; begin anew."),
    "again": ("重新查找", "Start again"),
    "next": ("下一页", "Next page"),
    "first": ("回到第一页", "First page"),
    "as_of": ("银行时间", "Bank time"),
    "map": ("位置示意图", "Sketch of the map"),
    "you": ("查询位置", "Where you look"),
    "north": ("北", "N"),
    "open": ("营业中", "Open"),
    "closed": ("休息中", "Closed"),
    "until": ("至 {at}", "until {at}"),
    "provisional": ("（节假日安排尚未公布）", " (holidays not announced yet)"),
    "wait": ("约等 {minutes} 分钟，{waiting} 人排队", "about {minutes} min to wait, {waiting} in line"),
    "near_branches": ("附近网点", "Branches nearby"),
    "near_atms": ("附近柜员机", "Cash machines nearby"),
    "hours": ("营业时间", "Opening hours"),
    "other_hours": ("特殊日期", "Special days"),
    "day_closed": ("休息", "closed"),
    "services": ("业务", "Services"),
    "contact": ("联系方式", "Contact"),
    "moved": ("已迁址：查看新网点", "It has moved: see where to"),
    "draw": ("取号", "Draw a number"),
    "draw_note": ("先选择业务，再取号。", "Choose what for."),
    "no_tickets": ("这里暂时不能取号。", "Numbers cannot be drawn here."),
    "ticket": ("排队号", "Number in the line"),
    "my_ticket": ("我的号", "My number"),
    "ahead": ("前面还有 {ahead} 人", "{ahead} before you"),
    "called_at": ("预计叫号", "Called at about"),
    "lapses_at": ("有效期至", "Lapses at"),
    "refresh": ("刷新", "Refresh"),
    "cancel": ("取消排队", "Give it back"),
    "not_found": ("没有找到这个页面或地点。", "There is no such page or place."),
    "forged": ("这个操作没有完成，请回到页面再试一次。", "That was not done: go back to the page and try again."),
    "trouble": ("没有完成", "That did not work"),
    "failed": ("这里出错了，请稍后再试。", "Something is wrong here: try again in a moment."),
    "zone": ("当地时间：", "Local time: "),
    "down": ("银行暂时无法答复，请稍后再试。", "The bank cannot answer now: try again in a moment."),
    "retry": ("再试一次", "Try again"),
    "home": ("返回查询", "Back to the search"),
}
_CODES = {
    "wgs84": ("WGS-84（GPS）", "WGS-84 (GPS)"),
    "gcj02": ("GCJ-02（高德、腾讯）", "GCJ-02 (AMap, Tencent)"),
    "bd09": ("BD-09（百度）", "BD-09 (Baidu)"),
    "ACCOUNT_OPENING": ("开户", "Opening accounts"),
    "CASH": ("现金", "Cash"),
    "CARD": ("银行卡", "Cards"),
    "LOAN": ("贷款", "Loans"),
    "WEALTH": ("理财", "Wealth"),
    "FOREIGN_EXCHANGE": ("外汇", "Foreign exchange"),
    "CORPORATE": ("对公业务", "Companies"),
    "BILL_PAYMENT": ("缴费", "Bill payment"),
    "COIN_EXCHANGE": ("零钱兑换", "Coins"),
    "SAFE_DEPOSIT": ("保管箱", "Safe deposit"),
    "SOCIAL_SECURITY_CARD": ("社保卡", "Social security cards"),
    "SELF_SERVICE": ("自助服务", "Self-service"),
    "CASH_WITHDRAWAL": ("取款", "Withdrawal"),
    "CASH_DEPOSIT": ("存款", "Deposit"),
    "CARDLESS_WITHDRAWAL": ("无卡取款", "Withdrawal without a card"),
    "BALANCE_ENQUIRY": ("查询余额", "Balance"),
    "TRANSFER": ("转账", "Transfer"),
    "PIN_CHANGE": ("修改密码", "Changing the PIN"),
    "CONTACTLESS": ("闪付", "Contactless"),
    "WHEELCHAIR_ACCESS": ("轮椅通道", "Wheelchairs"),
    "EXTERNAL_RAMP": ("门外坡道", "Ramp outside"),
    "LEVEL_ACCESS": ("无台阶", "No steps"),
    "AUTOMATIC_DOORS": ("自动门", "Automatic doors"),
    "LOWER_LEVEL_COUNTER": ("低位柜台", "Low counter"),
    "INDUCTION_LOOP": ("助听感应", "Induction loop"),
    "AUDIO_CASH_MACHINE": ("语音柜员机", "Talking cash machine"),
    "SENIOR_COUNTER": ("老年人窗口", "Counter for seniors"),
    "SIGN_LANGUAGE": ("手语服务", "Sign language"),
    "MONDAY": ("周一", "Monday"),
    "TUESDAY": ("周二", "Tuesday"),
    "WEDNESDAY": ("周三", "Wednesday"),
    "THURSDAY": ("周四", "Thursday"),
    "FRIDAY": ("周五", "Friday"),
    "SATURDAY": ("周六", "Saturday"),
    "SUNDAY": ("周日", "Sunday"),
    "TEMPORARILY_CLOSED": ("暂停营业", "Closed for now"),
    "RELOCATED": ("已迁址", "Moved"),
    "CLOSED": ("已撤销", "Closed for good"),
    "CASH_OUT": ("现钞不足", "Out of cash"),
    "OUT_OF_SERVICE": ("暂停服务", "Out of service"),
    "WAITING": ("等待中", "Waiting"),
    "CALLED": ("请到窗口", "Go to the counter"),
    "EXPIRED": ("已过号", "Lapsed"),
    "CANCELLED": ("已取消", "Given back"),
}
_USUAL = {"OPEN", "IN_SERVICE"}
_SHUT = {"TEMPORARILY_CLOSED", "RELOCATED", "CLOSED", "OUT_OF_SERVICE"}
"""What says by itself that nobody is served."""
_BANK_ZONE = "Asia/Shanghai"
_WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def language() -> Literal["zh-CN", "en"]:
    """Give the reader's language: the chosen one, or the browser's; Chinese where that is neither."""
    chosen = session.get("language") or request.accept_languages.best_match(["zh", "en"], "zh")
    return "en" if chosen == "en" else "zh-CN"


def say(name: str) -> str:
    """Give a text in the reader's language."""
    return _TEXTS[name][language() == "en"]


def refused(name: str, told: Iterable[str]) -> str:
    """Say why a field was refused: to those who read English in the bank's words, which are English, else in ours."""
    if language() == "en":
        return say("fault") + " ".join(dict.fromkeys(told))
    return _TEXTS.get(f"fault_{name}", _TEXTS["fault"])[0]


def code(value: str) -> str:
    """Give what a code of the contract means; one that is new since is shown as it is."""
    return _CODES[value][language() == "en"] if value in _CODES else value


def title(text: LocalizedText) -> str:
    """Give a text of the bank's in the reader's language."""
    return text.en if language() == "en" else text.zh_cn


def zone_of(place: Place) -> str:
    """Name the zone of a place's times where it is not the bank's; else nothing."""
    return "" if place.timezone == _BANK_ZONE else place.timezone


def at(moment: datetime, place: Place) -> str:
    """Write an instant for people, in the place's own time."""
    there = moment.astimezone(ZoneInfo(place.timezone)) if zone_of(place) else moment
    return f"{there:%m-%d %H:%M}"


def opening(place: Place) -> str:
    """Say whether a place is open, and how long that stays so; at the time that was asked for, if one was."""
    if place.status in _SHUT:
        return code(place.status)
    if place.open_at:
        until, provisional = place.open_at.until, place.open_at.provisional
        said = f"{at(place.open_at.at, place)} {say('open')}"
    else:
        until, provisional = place.next_change_at, place.provisional
        said = say("open" if place.open_now else "closed")
    parts = [said, say("until").format(at=at(until, place)) if until else ""]
    if zone_of(place) and (until or place.open_at):
        parts.append(f"({zone_of(place)})")
    if place.status not in _USUAL:
        parts.append(code(place.status))
    return " ".join(part for part in parts if part) + (say("provisional") if provisional else "")


def week(availability: Availability) -> list[tuple[str, str]]:
    """Give each weekday with its hours."""
    known = {day.day: _hours(day) for day in availability.standard}
    return [(code(day), known.get(day) or say("day_closed")) for day in _WEEK]


def special(availability: Availability) -> list[tuple[str, str]]:
    """Give the days that differ, with their hours."""
    found = []
    for days in availability.special:
        when = f"{days.start_date:%Y-%m-%d}"
        if days.end_date != days.start_date:
            when += f" – {days.end_date:%m-%d}"
        hours = "; ".join(f"{code(day.day)} {_hours(day)}" for day in days.days)
        name = f" {title(days.name)}" if days.name else ""
        found.append((when + name, say("day_closed") if days.closed else hours))
    return found


def _hours(day: DayHours) -> str:
    return ", ".join(f"{hours.opens}–{hours.closes}" for hours in day.opening_hours)

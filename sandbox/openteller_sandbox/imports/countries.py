"""Where countries are, roughly: enough to see that a point is in another one, or in the sea beyond.

Boxes in whole degrees: south, west, north, east. They are the extents of Natural Earth's countries (public domain),
rounded outwards and a degree wider, that islands and coasts which a small map leaves out are inside. Hong Kong, Macao,
Luxembourg and Singapore are as they are.
"""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """Degrees."""

    south: float
    west: float
    north: float
    east: float

    def holds(self, latitude: float, longitude: float) -> bool:
        """Tell whether a point is inside."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


BOXES = {
    country: Box(*map(float, box.split()))
    for country, box in {
        "AE": "21 50 28 58",
        "AT": "45 8 51 19",
        "AU": "-56 111 -9 160",
        "BD": "19 87 28 94",
        "BE": "48 1 53 8",
        "BG": "40 21 46 30",
        "BR": "-35 -76 7 -28",
        "CA": "40 -143 85 -51",
        "CH": "44 4 49 12",
        "CN": "3 72 55 136",
        "CY": "33 31 37 36",
        "CZ": "47 11 53 20",
        "DE": "46 4 57 17",
        "DK": "53 7 59 17",
        "EE": "56 20 61 30",
        "EG": "20 23 33 38",
        "ES": "26 -20 45 6",
        "FI": "58 18 72 33",
        "FR": "40 -6 53 11",
        "GB": "49 -10 62 3",
        "GR": "33 18 43 31",
        "HK": "22 113 23 115",
        "HR": "41 12 48 21",
        "HU": "44 15 50 24",
        "ID": "-12 94 7 142",
        "IE": "50 -12 57 -5",
        "IL": "28 33 35 37",
        "IN": "5 67 37 99",
        "IS": "62 -26 68 -12",
        "IT": "34 5 49 20",
        "JP": "19 121 47 155",
        "KE": "-6 32 7 43",
        "KH": "9 101 16 109",
        "KR": "32 123 40 133",
        "KZ": "39 45 57 89",
        "LA": "12 99 24 109",
        "LK": "4 78 11 83",
        "LT": "52 19 58 28",
        "LU": "49 5 51 7",
        "LV": "54 20 60 30",
        "MM": "8 91 30 103",
        "MN": "40 86 54 121",
        "MO": "22 113 23 114",
        "MT": "34 13 38 16",
        "MX": "13 -120 34 -85",
        "MY": "-1 98 9 121",
        "NG": "3 1 15 16",
        "NL": "49 2 55 9",
        "NO": "57 -11 82 35",
        "NP": "25 79 32 90",
        "PH": "3 115 22 128",
        "PK": "22 59 39 79",
        "PL": "48 13 56 26",
        "PT": "29 -33 44 -5",
        "RO": "42 19 50 31",
        "SA": "15 33 34 57",
        "SE": "54 10 71 26",
        "SG": "1 103 2 105",
        "SI": "44 12 48 18",
        "SK": "46 15 51 24",
        "TH": "4 96 22 107",
        "TR": "34 24 44 46",
        "TW": "20 115 27 124",
        "UA": "43 21 54 42",
        "US": "17 -180 73 180",
        "VN": "7 101 25 111",
        "ZA": "-48 15 -21 39",
    }.items()
}

ZONES = {
    "CN": "Asia/Shanghai",
    "HK": "Asia/Hong_Kong",
    "MO": "Asia/Macau",
    "TW": "Asia/Taipei",
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "DE": "Europe/Berlin",
    "FR": "Europe/Paris",
    "IT": "Europe/Rome",
    "NL": "Europe/Amsterdam",
    "BE": "Europe/Brussels",
    "AT": "Europe/Vienna",
    "CH": "Europe/Zurich",
    "LU": "Europe/Luxembourg",
    "PL": "Europe/Warsaw",
    "SE": "Europe/Stockholm",
    "JP": "Asia/Tokyo",
    "KR": "Asia/Seoul",
    "SG": "Asia/Singapore",
    "TH": "Asia/Bangkok",
    "VN": "Asia/Ho_Chi_Minh",
    "IN": "Asia/Kolkata",
}
"""The zone of countries that have one; of the others a file must say it."""

CURRENCIES = {
    "CN": "CNY",
    "HK": "HKD",
    "MO": "MOP",
    "TW": "TWD",
    "GB": "GBP",
    "CH": "CHF",
    "JP": "JPY",
    "KR": "KRW",
    "SG": "SGD",
    "TH": "THB",
    "VN": "VND",
    "IN": "INR",
    "PL": "PLN",
    "SE": "SEK",
    **dict.fromkeys(("IE", "DE", "FR", "IT", "NL", "BE", "AT", "LU"), "EUR"),
}
LANGUAGES = {"CN": ["zh-CN", "en"], "HK": ["zh-HK", "en"], "TW": ["zh-TW"], "GB": ["en"], "IE": ["en"], "SG": ["en"]}

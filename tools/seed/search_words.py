"""What a place is called by someone who types no Chinese: pinyin and initials for `q`, names of cities for `city`."""

from .branch_words import FREE_PLACES
from .opening import Record
from .places import Place, english_name, short_name, syllables


def spoken(name: str, short: str) -> list[str]:
    """How a name may be typed without Chinese: `hang zhou hangzhou hz`; `lü` also as `lu`."""
    parts = syllables(name, len(short))
    words = [*parts, "".join(parts), "".join(part[0] for part in parts)]
    return [*words, *(word.replace("v", "u") for word in words if "v" in word)]


def city_names(place: Place) -> list[str]:
    """What `city=` may say for this place, lower case: its prefecture, and the county when that is a city itself."""
    names: dict[str, None] = {}
    for name in [place.city, *([place.county] if place.county.endswith("市") else [])]:
        short = short_name(name)
        names.update(dict.fromkeys([name, short, "".join(syllables(name, len(short))), english_name(name).lower()]))
    return list(names)


def search_terms(record: Record, key: str, places: dict[str, Place]) -> Record:
    """The companion of a record: words for `q` that are not in its text, and names for `city`."""
    place, street = places[record["postal_address"]["adcode"]], record["postal_address"]["street_name"]
    city, county = short_name(place.city), short_name(place.county)
    words = [*spoken(place.city, city), *spoken(place.county, county), *spoken(street, street)]
    both = [*syllables(place.city, len(city)), *syllables(place.county, len(county))]
    words += ["".join(both), "".join(part[0] for part in both)]
    for word in sorted(FREE_PLACES):
        words += spoken(word, word) if word in record["name"]["zh-CN"] else []
    return {"id": record[key], "terms": " ".join(dict.fromkeys(words)), "cities": city_names(place)}

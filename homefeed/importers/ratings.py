"""Readers of rating logs: the MovieLens families, each into the same three tables."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from homefeed.importers.errors import ImportLogError

FILMS = pa.schema([("film", pa.string()), ("title", pa.string()), ("genres", pa.list_(pa.string()))])
USERS = pa.schema([("user", pa.string()), ("age", pa.int16())])
_NO_GENRE = ("", "(no genres listed)", "unknown")
#: Order of the flag columns of `u.item`, after its five descriptive ones.
_GENRES_100K = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
#: `users.dat` has bands: its 1 stands for "under 18", the others for the first year of the band.
_UNDER_18 = {1: 17}


@dataclass(frozen=True)
class Ratings:
    """A log of ratings.

    Attributes:
      ratings: user, film (strings), rating (1 to 5), time (int64, seconds since 1970), in order of time; rows of one
        time keep the order of the file.
      films: columns of FILMS; the main genre first.
      users: columns of USERS; age is null when the log does not say.
    """

    ratings: pa.Table
    films: pa.Table
    users: pa.Table


def movielens_100k(folder: Path) -> Ratings:
    """MovieLens 100K: `u.data`, `u.item`, `u.user`, or the files with a typed header, `*.inter`, `*.item`, `*.user`."""
    typed = sorted(folder.glob("*.inter"))
    if typed:
        ratings = _ratings(typed[0], "\t", ("user", "film", "rating", "time"), has_header=True)
        films = [
            _film(r[0], _with_year(r[1], r[2]), r[3].split(" ")) for r in _rows(_one(folder, "*.item"), "\t", 4, True)
        ]
        users = [(r[0], int(r[1])) for r in _rows(_one(folder, "*.user"), "\t", 2, True)]
    else:
        ratings = _ratings(_one(folder, "u.data"), "\t", ("user", "film", "rating", "time"))
        films = [
            _film(r[0], r[1], [g for g, flag in zip(_GENRES_100K, r[5:24], strict=True) if flag == "1"])
            for r in _rows(_one(folder, "u.item"), "|", 24)
        ]
        users = [(r[0], int(r[1])) for r in _rows(_one(folder, "u.user"), "|", 2)]
    return _gathered(ratings, films, users)


def movielens_1m(folder: Path) -> Ratings:
    """MovieLens 1M and 10M: `ratings.dat`, `movies.dat` and, where there is one, `users.dat`, separated by `::`."""
    ratings = _ratings(_one(folder, "ratings.dat"), "::", ("user", "film", "rating", "time"))
    films = [_film(r[0], r[1], r[2].split("|")) for r in _rows(_one(folder, "movies.dat"), "::", 3)]
    users_file = folder / "users.dat"
    rows = _rows(users_file, "::", 3) if users_file.exists() else ()
    return _gathered(ratings, films, [(r[0], _UNDER_18.get(int(r[2]), int(r[2]))) for r in rows])


def movielens(folder: Path) -> Ratings:
    """MovieLens 20M, 25M, 32M and latest: `ratings.csv` and `movies.csv`; they say nothing about users."""
    ratings = _ratings(_one(folder, "ratings.csv"), ",", ("user", "film", "rating", "time"), has_header=True)
    films = [_film(r[0], r[1], r[2].split("|")) for r in _rows(_one(folder, "movies.csv"), ",", 3, True)]
    return _gathered(ratings, films, [])


READERS: dict[str, Callable[[Path], Ratings]] = {
    "movielens-100k": movielens_100k,
    "movielens-1m": movielens_1m,
    "movielens": movielens,
}


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise ImportLogError(f"{folder} has no {pattern}; it holds {_listing(folder)}")
    return found[0]


def _listing(folder: Path) -> str:
    return ", ".join(sorted(f.name for f in folder.iterdir())[:8]) or "nothing"


def _ratings(file: Path, separator: str, columns: tuple[str, ...], has_header: bool = False) -> pa.Table:
    types = {"user": "VARCHAR", "film": "VARCHAR", "rating": "DOUBLE", "time": "DOUBLE"}
    spec = ", ".join(f"'{c}': '{types[c]}'" for c in columns)
    try:
        with duckdb.connect() as connection:
            # The time is seconds since 1970; some copies of the data write it as a decimal number.
            return connection.sql(
                "SELECT * REPLACE (time::BIGINT AS time) FROM (SELECT *, row_number() OVER () AS line FROM read_csv(?,"
                f" delim = '{separator}', header = {has_header}, quote = '', escape = '', auto_detect = false,"
                f" columns = {{{spec}}})) ORDER BY time, line",
                params=[str(file)],
            ).to_arrow_table()
    except duckdb.Error as error:
        raise ImportLogError(f"{file} is not a file of user, film, rating, time: {str(error)[:400]}") from error


def _rows(file: Path, separator: str, num_columns: int, has_header: bool = False) -> Iterator[list[str]]:
    data = file.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # GroupLens published the older sets in Latin-1.
        text = data.decode("latin-1")
    lines = text.splitlines()
    reader = csv.reader(lines) if separator == "," else (line.split(separator) for line in lines)
    for number, row in enumerate(reader, 1):
        if (number == 1 and has_header) or not any(row):
            continue
        if len(row) < num_columns:
            raise ImportLogError(
                f"{file}, line {number}: {len(row)} columns where {num_columns} are needed: {row!r:.120}"
            )
        yield row


def _with_year(title: str, year: str) -> str:
    return f"{title} ({year})" if year and not title.endswith(")") else title


def _film(film: str, title: str, genres: list[str]) -> tuple[str, str, list[str]]:
    kept = [g.lower() for g in genres if g.strip() not in _NO_GENRE]
    return film, title.strip() or film, kept or ["unknown"]


def _gathered(ratings: pa.Table, films: list[tuple[str, str, list[str]]], users: list[tuple[str, int]]) -> Ratings:
    """Films and users that the log mentions, each once; one that is rated but not described gets its id as title."""
    described = {film[0]: film for film in films}
    rated = ratings.column("film").unique().to_pylist()
    rows = [
        described.get(film) or _film(film, film, []) for film in {**dict.fromkeys(described), **dict.fromkeys(rated)}
    ]
    ages = dict(users)
    seen = {**dict.fromkeys(ages), **dict.fromkeys(ratings.column("user").unique().to_pylist())}
    return Ratings(
        ratings,
        pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], []], schema=FILMS),
        pa.table([list(seen), [ages.get(user) for user in seen]], schema=USERS),
    )

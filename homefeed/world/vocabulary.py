"""What the synthetic site is made of: topics with the words of their titles, and countries."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """A topic.

    Attributes:
      name: as in the events.
      subjects: what its titles are about.
      places: what its channels are called after.
      peak_h: local hour at which it is watched most.
      duration_s: median length of its videos.
      fleeting: how much more than other videos its videos gain from being new.
    """

    name: str
    subjects: tuple[str, ...]
    places: tuple[str, ...]
    peak_h: float
    duration_s: float
    fleeting: float = 1.0


@dataclass(frozen=True)
class Country:
    """A country: ISO 3166 code, ISO 639-1 language, offset of its local time [h], share of the viewers."""

    code: str
    language: str
    offset_h: float
    share: float


def _topic(name: str, peak_h: float, duration_s: float, fleeting: float, words: str) -> Topic:
    """A topic from one line; `words` are its subjects, a bar, and its places."""
    subjects, places = words.split("|")
    return Topic(name, tuple(subjects.split(",")), tuple(places.split(",")), peak_h, duration_s, fleeting)


TOPICS: tuple[Topic, ...] = (
    _topic(
        "cooking",
        18,
        480,
        1,
        "Sourdough bread,Weeknight ramen,Cast-iron steak,Lemon risotto,Street tacos,Dumplings|Kitchen,Table,Pantry",
    ),
    _topic(
        "gaming",
        21,
        720,
        1.4,
        "Speedrun,Boss fight,Survival world,Ranked climb,Indie gem,Co-op night|Arcade,Respawn,Controller",
    ),
    _topic(
        "music",
        17,
        230,
        1.2,
        "Acoustic session,Drum cover,Synth jam,Vinyl find,Choir rehearsal,Guitar solo|Sessions,Records,Tapes",
    ),
    _topic(
        "news",
        8,
        260,
        2.2,
        "Election night,Harbour strike,Budget vote,Storm warning,Trade talks,City council|Daily,Wire,Bulletin",
    ),
    _topic(
        "football",
        20,
        420,
        2,
        "Derby highlights,Transfer rumours,Penalty shoot-out,Tactics board,Youth final,Goal of the week|"
        "Pitch,Terrace,Kickoff",
    ),
    _topic(
        "fitness",
        7,
        540,
        0.7,
        "Kettlebell circuit,Morning stretch,Marathon plan,Pull-up ladder,Core workout,Mobility flow|"
        "Gym,Strides,Barbell",
    ),
    _topic(
        "travel",
        19,
        600,
        0.8,
        "Night train,Mountain hut,Island ferry,Old town walk,Desert drive,Market food|Roads,Compass,Passport",
    ),
    _topic(
        "science",
        20,
        660,
        0.8,
        "Black holes,Ocean vents,Gene editing,Ice cores,Quantum dots,Volcanoes|Lab,Orbit,Notebook",
    ),
    _topic(
        "technology",
        12,
        540,
        1.6,
        "Phone camera,Home server,Laptop repair,Smart bulbs,E-ink tablet,Mechanical keyboard|Bench,Circuit,Byte",
    ),
    _topic(
        "comedy",
        21,
        200,
        1.1,
        "Office sketch,Open mic,Airport prank,Family dinner,Bad advice,Dating story|Laughs,Basement,Punchline",
    ),
    _topic(
        "beauty",
        9,
        420,
        1.1,
        "Five-minute makeup,Curly hair routine,Nail art,Skincare shelf,Wedding look,Fragrance haul|"
        "Mirror,Palette,Vanity",
    ),
    _topic(
        "fashion",
        11,
        380,
        1.3,
        "Thrift haul,Capsule wardrobe,Denim repair,Runway recap,Sneaker drop,Winter layers|Closet,Thread,Runway",
    ),
    _topic(
        "cars",
        19,
        620,
        1,
        "Engine swap,Track day,Classic restoration,Electric road trip,Rally stage,Barn find|Garage,Gearbox,Torque",
    ),
    _topic(
        "diy",
        15,
        780,
        0.6,
        "Oak bookshelf,Bathroom tiles,Garden shed,Upcycled lamp,Workbench,Loft conversion|Workshop,Toolbox,Sawdust",
    ),
    _topic(
        "gardening",
        10,
        460,
        0.8,
        "Tomato seedlings,Compost heap,Rose pruning,Balcony herbs,Raised beds,Apple grafting|"
        "Garden,Allotment,Greenhouse",
    ),
    _topic(
        "education",
        16,
        560,
        0.5,
        "Linear algebra,Roman history,Essay writing,Chemistry basics,Grammar drills,World maps|"
        "Classroom,Lessons,Academy",
    ),
    _topic(
        "finance",
        12,
        520,
        1.3,
        "First budget,Index funds,Tax return,Mortgage maths,Side hustle,Emergency fund|Ledger,Pennywise,Market",
    ),
    _topic(
        "film",
        22,
        640,
        1.4,
        "Director's cut,Plot holes,Practical effects,Silent cinema,Trailer breakdown,Lost ending|Reel,Cinema,Frame",
    ),
    _topic(
        "animals",
        14,
        210,
        0.9,
        "Rescue puppy,Barn owl,Kitten nursery,Coral reef,Sheepdog trial,Clever crows|Paws,Burrow,Wildside",
    ),
    _topic(
        "art",
        15,
        500,
        0.6,
        "Watercolour sky,Ink portraits,Pottery wheel,Mural painting,Pixel art,Linocut print|Studio,Canvas,Sketchbook",
    ),
    _topic(
        "parenting",
        13,
        360,
        0.7,
        "Bedtime battle,Lunch boxes,First day at school,Toddler crafts,Screen time,Twin diary|Nursery,Playroom,Nest",
    ),
    _topic(
        "basketball",
        22,
        400,
        2,
        "Buzzer beater,Three-point drill,Draft class,Zone defence,Street court,Dunk contest|Hoops,Court,Rebound",
    ),
    _topic(
        "programming",
        14,
        840,
        1.1,
        "Python tricks,Compiler from scratch,Code review,Database index,Terminal setup,Game engine|Loop,Stack,Commit",
    ),
    _topic(
        "mystery",
        23,
        900,
        0.7,
        "Cold case,Haunted lighthouse,Missing painting,Coded letter,Ghost ship,Last phone call|Files,Fog,Midnight",
    ),
)
#: `{}` is the subject.
PATTERNS = (
    "{} explained", "{} in twelve minutes", "I tried {} for a week", "The truth about {}",
    "{}: what nobody tells you",
    "My first {}", "{} gone wrong", "How to get {} right", "{} from start to finish", "Why {} matters",
    "{} on a budget",
    "Five mistakes with {}", "A day of {}", "{} like a professional", "The best {} this year", "Rating your {}",
)  # fmt: skip
DETAILS = (
    "", "", "", "", " (part 2)", " (part 3)", " with my dad", " in the rain", ", the hard way",
    " for beginners", " | full episode",
    ", one year later", " in small towns", " before sunrise", ": your questions", " on a Sunday", " at home",
    ", slowly", " (4K)",
    " with no talking", " under pressure", " in one take", ", remade", " after midnight", " with a friend",
    ": the sequel",
)  # fmt: skip
CHANNEL_WORDS = (
    "Northside", "Little", "Golden", "Honest", "Quiet", "Blue Door", "Second", "Wild", "Sunny", "Old Town",
    "Tiny", "Brave",
    "Velvet", "Corner", "Daily", "Rolling", "Paper", "Lucky", "Open", "Riverside", "Copper", "Weekend",
    "Marble", "Plain",
    "Bright", "Lazy", "Union", "Maple", "Silver", "Hidden", "Free", "Curious", "Eastern", "Harbour",
    "Electric", "Slow",
)  # fmt: skip
COUNTRIES: tuple[Country, ...] = (
    Country("US", "en", -6, 0.28),
    Country("GB", "en", 0, 0.08),
    Country("IN", "hi", 5.5, 0.16),
    Country("BR", "pt", -3, 0.13),
    Country("MX", "es", -6, 0.10),
    Country("ES", "es", 1, 0.05),
    Country("DE", "de", 1, 0.09),
    Country("FR", "fr", 1, 0.07),
    Country("JP", "ja", 9, 0.04),
)
LANGUAGES: tuple[str, ...] = ("en", "hi", "pt", "es", "de", "fr", "ja")
DEVICES: tuple[str, ...] = ("phone", "tablet", "desktop", "tv")
#: Share of visits by local hour, before noise: a morning rise, a plateau, an evening peak.
ACTIVITY_BY_HOUR: tuple[float, ...] = (
    0.45, 0.25, 0.15, 0.12, 0.15, 0.3, 0.6, 0.9, 1.0, 0.95, 0.9, 0.95,
    1.1, 1.1, 1.0, 1.0, 1.1, 1.3, 1.55, 1.8, 2.0, 1.95, 1.5, 0.9,
)  # fmt: skip

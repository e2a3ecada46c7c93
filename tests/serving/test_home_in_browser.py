"""The home page as a browser shows it: what is pressed changes the next page, on a phone and with a keyboard too."""

import re
import sys
from pathlib import Path

import httpx
import pytest
from browser import Browser

from serving.home import art
from serving.process import start

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
VIDEOS = "[...document.querySelectorAll('.card')].map(card => JSON.parse(card.dataset.slot).video)"


@pytest.fixture
def service(world):
    """A service with `r1` live; its clock stands still."""
    world.write_stub("r1")
    world.release("r1")
    with start(world.settings, 0, command=COMMAND) as process:
        yield process


@pytest.fixture
def browser(tmp_path, program):
    with Browser(program("chromium"), tmp_path / "profile") as made:
        yield made
        assert made.complaints == []


def test_what_is_pressed_changes_the_next_page(service, browser):
    """One visit: a page without exploration changes by what its viewer does, and by nothing else."""
    browser.open(f"{service.url}/?user=viewer-1&exploration=0")
    shown = browser.run(VIDEOS)
    assert len(set(shown)) == 100

    browser.run("document.querySelector('[data-act=not_interested]').click()")
    browser.wait("document.getElementById('toast').textContent === 'The next page leaves it out.'")
    browser.run("document.querySelectorAll('[data-act=like]')[1].click()")
    browser.wait("document.getElementById('toast').textContent === 'Liked.'")
    browser.run("document.querySelectorAll('[data-act=watch]')[2].click()")
    browser.run("p = document.getElementById('position'); p.value = 50; p.dispatchEvent(new Event('input'))")
    browser.run("document.querySelector('#player button').click()")
    browser.wait("document.getElementById('toast').textContent.startsWith('Watched')")

    def is_new():
        browser.open(f"{service.url}/?user=viewer-1&exploration=0")
        return not {shown[0], shown[2]} & set(browser.run(VIDEOS))

    browser.wait(is_new)
    assert shown[1] in browser.run(VIDEOS)
    assert browser.run("document.getElementById('changed').textContent") == "2 not on the page before"
    other = f"{service.url}/?user=viewer-2&exploration=0"
    browser.open(other)
    assert browser.run(VIDEOS) == shown

    # The page says why, by whom and how fast.
    why = browser.run("document.querySelector('.why').textContent")
    assert all(said in why for said in ("two_tower", "its value", "100 %", "Will be watched", "r1")), why
    facts = browser.run("document.querySelector('.facts').textContent")
    assert re.search(r"100 videos.*0 by exploration.*chosen by r1.*in \d+ ms", facts)


def test_a_new_viewer_and_the_slider(service, browser):
    browser.open(service.url)
    browser.run("document.getElementById('create').click()")
    browser.run("document.getElementById('new-user').value = 'me'")
    browser.run("document.getElementById('new-age').value = '34'")
    browser.run("document.querySelector('#profile button').click()")
    browser.wait("location.search === '?user=me' && document.querySelectorAll('.card').length === 100")
    assert browser.run("document.querySelector('h1').textContent") == "Picked for me"
    browser.run(
        "s = document.getElementById('exploration'); s.value = 1; s.dispatchEvent(new Event('input'));"
        " s.dispatchEvent(new Event('change'))"
    )
    browser.wait("location.search === '?user=me&exploration=1' && document.querySelectorAll('.card').length === 100")
    assert browser.run("document.querySelectorAll('.badge.new').length") > 10
    assert browser.run("document.getElementById('share').textContent") == "100%"


def test_with_a_keyboard_a_screen_reader_and_a_phone(service, browser):
    browser.media(prefers_reduced_motion="reduce")
    browser.size(390, 844, phone=True)
    browser.open(f"{service.url}/?user=viewer-1&exploration=0")
    assert browser.run("document.documentElement.scrollWidth") == 390
    assert browser.run("getComputedStyle(document.querySelector('.thumb')).transitionDuration") == "0s"
    assert browser.run("document.querySelector('.acts button').getBoundingClientRect().height") >= 44

    buttons = browser.names("button")
    assert all(buttons)
    assert sum(name.startswith("Watch Title of") for name in buttons) > 0
    assert {"Exploration", "Viewer"} <= {*browser.names("slider"), *browser.names("combobox")}
    assert browser.names("main") == [""]
    assert browser.names("heading")[0] == "Picked for viewer-1"

    browser.press("Tab", 9)
    assert browser.run("document.activeElement.textContent") == "Skip to the videos"
    browser.run("document.querySelector('.thumb').focus()")
    browser.press("Enter", 13)
    assert browser.run("document.getElementById('player').open")
    browser.press("Escape", 27)
    browser.wait("!document.getElementById('player').open")
    assert browser.run("document.activeElement.className") == "thumb"  # back where one was


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(service, browser, scheme):
    """Contrast by WCAG 2.1: at least 4.5 for text."""
    browser.media(prefers_color_scheme=scheme)
    browser.open(f"{service.url}/?user=viewer-1")
    colours = browser.run(
        "(() => { const probe = document.body.appendChild(document.createElement('i')); const read = (name) => {"
        " probe.style.color = `var(--${name})`; return getComputedStyle(probe).color.match(/[0-9.]+/g).map(Number) };"
        " return Object.fromEntries(['ground', 'raised', 'ink', 'soft', 'accent', 'accent-ink', 'tint']"
        ".map((name) => [name, read(name)])) })()"
    )
    pairs = [("ink", "ground"), ("soft", "ground"), ("soft", "raised"), ("accent", "ground"), ("accent-ink", "accent")]
    for text, ground in [*pairs, ("ground", "ink"), ("ink", "tint")]:
        lighter, darker = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, ground)


def luminance(colour):
    red, green, blue = (
        (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4) for c in (v / 255 for v in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_head_comes_first_and_allows_no_script_of_others(service):
    with httpx.stream("GET", f"{service.url}/", params={"user": "viewer-1"}) as answer:
        policy = answer.headers["content-security-policy"]
        first, *others = answer.iter_raw()
    rest = b"".join(others)
    assert "unsafe-inline" not in policy
    assert b"home.css" in first
    assert b'class="card"' not in first
    assert rest.count(b'<li class="card"') == 100
    assert b"style=" not in first + rest


def test_thumbnails_are_the_same_for_the_same_video_and_busier_for_a_longer_one():
    assert art.thumbnail("music", "v", 60.0) == art.thumbnail("music", "v", 60.0)
    assert art.thumbnail("music", "v", 60.0) != art.thumbnail("music", "w", 60.0)
    for topic in ("music", "games", "news", "cooking", "science", "film", "travel", "cars"):
        shapes = [art.thumbnail(topic, "v", length).count("fill=") for length in (60.0, 600.0, 6000.0)]
        assert shapes == sorted(set(shapes)), topic

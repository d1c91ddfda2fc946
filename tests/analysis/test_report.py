"""Pages about clips: whole by themselves, and doing in a browser what they promise."""

import base64
import hashlib
import html
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app
from support.moving import filmed, texture, write_lossless

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

RATE, FRAMES, SIZE = 30, 90, (64, 96)
NAME = "a <b> & \"c\" 'd'.mkv"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def call(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a clip whose halves sway at 4 and 9 Hz, and what two factors made of it."""
    folder = tmp_path_factory.mktemp("report")
    pictures = []
    for t in np.arange(FRAMES) / RATE:
        levels = texture(0.12 * np.sin(2 * np.pi * 9 * t), size=SIZE, seed=1)
        sway = 0.3 * np.sin(2 * np.pi * 4 * t)
        levels[:, :48] = texture(sway, size=SIZE)[:, :48]
        pictures.append(filmed(levels, 0.5, np.random.default_rng(int(1000 * t))))
    clip = write_lossless(folder / NAME, pictures, RATE)
    model = ("--model", "linear", "--device", "cpu", "--no-cautions", "-q")
    for alpha in ("3", "6"):
        call("run", clip, *model, "--alpha", alpha, "-o", folder / f"x{alpha}.mkv")
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    output = folder / "report.html"
    call("report", folder / NAME, folder / "x3.mkv", folder / "x6.mkv", "-o", output)
    return output


def test_it_fetches_nothing_and_runs_nothing_but_its_own(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import|//[a-z]+\.[a-z]", text.split("<body>")[0])
    assert not re.search(r"https?:|url\(|@import", re.sub(r'"data:[^"]*"', "", text))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    policy = html.unescape(policy)
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:; ")
    for kind in ("style", "script"):
        (own,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, flags=re.S)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]+\s(on[a-z]+|style)=", text)


def test_names_are_text_and_nothing_else(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<b>" not in text
    assert html.escape(NAME, quote=False).split("&amp;")[0] in text


def test_it_says_what_was_measured_and_how(page: Path, folder: Path) -> None:
    text = html.unescape(page.read_text(encoding="utf-8"))
    assert hashlib.sha256((folder / NAME).read_bytes()).hexdigest() in text
    assert "magnify bandpass" in text
    assert ": static, alpha 3, linear" in text  # what the output's comment says
    assert text.count("data:video/mp4;base64,") == 3
    assert text.count("data:image/png;base64,") == 3  # slices


def test_a_short_clip_is_shown_and_said_not_to_be_analysed(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "short.html"
    call("report", folder / NAME, "--max-frames", "10", "-o", output)
    text = output.read_text(encoding="utf-8")
    assert "it was not analysed" in text
    assert text.count("data:video/mp4") == 1


def test_a_run_makes_one_beside_its_output(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    call(
        *("bandpass", folder / NAME, "--low", "3", "--high", "5", "--model", "linear"),
        *("--device", "cpu", "--no-cautions", "-q", "-o", tmp_path / "out.mkv"),
        *("--report", output),
    )
    text = html.unescape(output.read_text(encoding="utf-8"))
    assert text.count("data:video/mp4") == 2
    (job,) = re.findall(r"<pre>(.*?)</pre>", text, flags=re.S)
    assert json.loads(job)["mode"]["low"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "CLIP", "-o", "page.txt"), "a page's name must end in .html"),
        (("report", "none.mkv"), "no such file"),
        (("compare", "CLIP", "--layout", "html"), "nothing to compare"),
        (("run", "CLIP", "none.mkv", "--report", "a.html"), "a page about one input"),
        (("run", "CLIP", "--report", "a.txt"), "a table's name ends in .json or .csv"),
        (("run", "CLIP", "-o", "-", "--report", "a.html"), "nothing is left of a pipe"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_told(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [str(folder / NAME) if word == "CLIP" else word for word in arguments]
    result = CliRunner().invoke(app, words)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_large_page_has_to_be_asked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("magnify.analysis.players.LARGEST_PAGE", 1000)
    output = tmp_path / "page.html"
    command = ["report", str(folder / NAME), "-o", str(output)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "use --large" in result.stderr
    assert not list(tmp_path.iterdir())
    call(*command, "--large")


@pytest.fixture(scope="module")
def browser() -> Iterator["WebDriver"]:
    webdriver = pytest.importorskip("selenium.webdriver")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs Chromium and its driver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--mute-audio"):
        options.add_argument(word)
    options.add_argument("--autoplay-policy=no-user-gesture-required")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=service.Service(driver))
    yield opened
    opened.quit()


@pytest.fixture
def shown(browser: "WebDriver", page: Path) -> "WebDriver":
    browser.get(page.as_uri())
    until(lambda: all(value >= 2 for value in videos(browser, "readyState")))
    return browser


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def videos(browser: "WebDriver", what: str) -> list[Any]:
    found: list[Any] = browser.execute_script(
        f"return [...document.querySelectorAll('video')].map((video) => video.{what})"
    )
    return found


def element(browser: "WebDriver", selector: str) -> Any:
    return browser.find_element("css selector", selector)


def test_it_opens_without_an_error_or_a_request(shown: "WebDriver", page: Path) -> None:
    assert shown.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in shown.get_log("performance")]
    asked = {
        message["params"]["request"]["url"].split(",")[0]
        for message in sent
        if message["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}
    assert videos(shown, "error") == [None] * 3


def test_the_line_moves_by_keyboard_and_by_pointer(shown: "WebDriver") -> None:
    from selenium.webdriver import ActionChains, Keys

    def clipped() -> str:
        found: str = element(shown, "figure[data-clip='1']").value_of_css_property("clip-path")
        return found

    assert "50%" in clipped()
    element(shown, "#line").send_keys(Keys.ARROW_RIGHT * 5)
    assert "55%" in clipped()
    video = element(shown, "figure[data-clip='0'] video")
    quarter = -video.size["width"] // 4
    ActionChains(shown).move_to_element(video).click_and_hold().move_by_offset(
        quarter, 0
    ).release().perform()
    assert re.search(r"2[3-7](\.\d+)?%", clipped()), clipped()


def test_the_other_result_and_side_by_side(shown: "WebDriver") -> None:
    hidden = "return [...document.querySelectorAll('#stage figure')].map((one) => one.hidden)"
    assert shown.execute_script(hidden) == [False, False, True]
    element(shown, "#over").send_keys("x6")  # as one types to choose in a list
    assert shown.execute_script(hidden) == [False, True, False]
    assert "x6.mkv" in element(shown, "#sides").text
    element(shown, "#view").send_keys("side")
    assert shown.execute_script(hidden) == [False, False, False]
    assert not element(shown, "#line").is_displayed()


def test_players_stay_in_step(shown: "WebDriver") -> None:
    shown.execute_script("document.getElementById('speed').value = '0.5'")
    shown.execute_script("document.getElementById('speed').dispatchEvent(new Event('change'))")
    element(shown, "#play").click()
    until(lambda: videos(shown, "currentTime")[0] > 0.4)
    times = videos(shown, "currentTime")
    assert max(times) - min(times) <= 1 / RATE + 0.02  # a frame, and the clock's own grain
    element(shown, "#play").click()
    until(lambda: not any(videos(shown, "seeking")))
    assert len({round(t, 3) for t in videos(shown, "currentTime")}) == 1
    before = videos(shown, "currentTime")[0]
    element(shown, "#on").click()
    assert videos(shown, "currentTime") == pytest.approx([before + 1 / RATE] * 3, abs=2e-3)


def test_the_chosen_peak_shows_its_map_and_its_command(shown: "WebDriver") -> None:
    from selenium.webdriver import Keys

    assert element(shown, "#map-1").is_displayed()
    assert not element(shown, "#map-2").is_displayed()
    element(shown, "input[name=peak][value='1']").send_keys(Keys.ARROW_DOWN)
    assert not element(shown, "#map-1").is_displayed()
    second = element(shown, "#map-2")
    assert second.is_displayed()
    row = element(shown, "tr:has(input[value='2']) td:nth-child(2)").text
    low, high = re.findall(r"--(?:low|high) ([\d.]+)", second.text)
    assert float(low) < float(row) < float(high)


def test_a_comparison_plays_clips_in_step(browser: "WebDriver", folder: Path) -> None:
    output = folder / "compare.html"
    call("compare", folder / "x3.mkv", folder / "x6.mkv", "--layout", "html", "-o", output)
    browser.get(output.as_uri())
    until(lambda: all(value >= 2 for value in videos(browser, "readyState")))
    assert len(videos(browser, "src")) == 2
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []

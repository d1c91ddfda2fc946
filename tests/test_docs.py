"""The documentation: links lead somewhere, commands can be typed, tables are what is stored."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import magnify
from magnify.cli.app import app

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "weights").rglob("*.md")]
)
DIARY = {ROOT / "CHANGELOG.md", *(ROOT / "weights" / "notebook").glob("*.md")}
"""Pages that tell what was: their commands need not work today."""
GUIDES = [page for page in PAGES if page not in DIARY]
RECIPES = sorted((ROOT / "weights" / "recipes").rglob("*.sh"))
MAGNIFY: Any = typer.main.get_command(app)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.S | re.M)


def magnify_lines(script: str) -> Iterator[list[str]]:
    """What follows `magnify` in each of a shell script's commands."""
    for line in script.replace("\\\n", " ").splitlines():
        for command in line.split("&&"):
            words = shlex.split(command, comments=True)
            names = [place for place, word in enumerate(words) if Path(word).name == "magnify"]
            started = all("=" in word for word in words[: names[0]]) if names else False
            if started:
                yield words[names[0] + 1 :]


def subcommand(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and the words that are left for it."""
    command, rest = MAGNIFY, list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


def option_names(command: Any) -> set[str]:
    names = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return names | {"--help"}


def every_option(command: Any = MAGNIFY) -> set[str]:
    below = getattr(command, "commands", {}).values()
    return option_names(command).union(*map(every_option, below))


TYPED = [
    pytest.param(words, id=f"{relative(page)}: {' '.join(words)}")
    for page in [*GUIDES, *RECIPES]
    for script in ([page.read_text()] if page.suffix == ".sh" else blocks(page, "sh"))
    for words in magnify_lines(script)
]


@pytest.mark.parametrize("words", TYPED)
def test_command_can_be_typed(words: list[str]) -> None:
    command, rest = subcommand(words)
    if "--help" in rest:
        assert rest == ["--help"]
    else:
        command.make_context("magnify", rest)


@pytest.mark.parametrize("page", GUIDES, ids=relative)
def test_options_named_in_text_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    for span in re.findall(r"`([^`]+)`", text):
        words = span.split()
        if words[0] == "magnify":
            command, rest = subcommand(words[1:])
            assert command is not MAGNIFY or not rest or rest[0].startswith("-"), span
            known = option_names(command)
        elif words[0].startswith("-"):
            rest, known = words, every_option()
        else:
            continue
        unknown = {word for word in rest if re.match(r"--?[a-z]", word)} - known
        assert not unknown, span


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", GUIDES, ids=relative)
def test_python_names_exist(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, relative(page), "exec")
        for name in re.findall(r"\bmagnify\.(\w+)", block):
            assert hasattr(magnify, name), name


@pytest.mark.parametrize("page", GUIDES, ids=relative)
def test_files_named_in_text_exist(page: Path) -> None:
    named = re.findall(r"`((?:magnify|tests|examples|docs|weights)/[\w/.-]+)`", page.read_text())
    for name in named:
        if "NAME" not in name and not name.startswith("examples/sway_x"):
            assert (ROOT / name).exists(), name


def test_tree_shows_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## The rooms")[2]
    tree = text.partition("\n## ")[0]
    rooms = {path.parent.name for path in (ROOT / "magnify").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^  (\w+)/", tree, flags=re.M))


def test_readme_lists_every_command() -> None:
    listed = re.findall(r"^\| `magnify ([\w-]+)`", (ROOT / "README.md").read_text(), flags=re.M)
    assert sorted(listed) == sorted(MAGNIFY.commands)


def test_picture_can_be_drawn(tmp_path: Path) -> None:
    clip, picture = ROOT / "examples" / "sway.mp4", tmp_path / "sway.png"
    drawn = [sys.executable, ROOT / "examples" / "make_picture.py", clip, clip, picture]
    subprocess.run(drawn, check=True, env=os.environ | {"MPLBACKEND": "agg"})
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_card_holds_the_stored_scores() -> None:
    card = (ROOT / "weights" / "README.md").read_text()
    assert script("weights/score_table.py").with_table(card) == card


def script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_card_holds_the_weights_sums() -> None:
    from magnify.checkpoints import BUILT_IN

    card = (ROOT / "weights" / "README.md").read_text()
    for built_in in BUILT_IN.values():
        assert built_in.sha256 in card
        assert f"{built_in.size:,} bytes" in card


@pytest.mark.parametrize("recipe", RECIPES, ids=relative)
def test_recipe_says_what_it_gave(recipe: Path) -> None:
    assert recipe.read_text().startswith("# Gave ")
    assert any(magnify_lines(recipe.read_text()))

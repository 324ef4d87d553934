"""Every hook, command and option is documented, and every snippet of the documentation runs."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from dpaudit import hookspecs
from dpaudit.cli.main import COMMANDS, dpaudit, run
from dpaudit.plugin_module import HOOKS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md") if "reference" not in p.parts)
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def generated():
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def commands(command, context):
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            yield from commands(inner, click.Context(inner, context, info_name=name))


def test_the_reference_is_what_the_program_says():
    for name, text in generated().items():
        page = DOCS / "reference" / name
        assert page.read_text(encoding="utf-8") == text, f"run: python docs/generate.py ({name})"


def test_every_hook_is_documented():
    page = (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")
    for hook in HOOKS:
        assert f"## {hook}\n" in page
        assert (getattr(hookspecs, hook).__doc__ or "").strip()
        assert f"`{hook}`" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_command_and_option_is_documented():
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert re.search(rf"`{name}[ `]", readme), f"the README says nothing of {name}"
    for path, command in commands(dpaudit, click.Context(dpaudit, info_name="dpaudit")):
        assert path == "dpaudit" or f"## {path}\n" in page
        for parameter in command.params:
            if isinstance(parameter, click.Option) and path != "dpaudit":
                assert parameter.help, f"{path} {parameter.name} has no help"
                assert all(f"{option}" in page for option in parameter.opts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_snippet_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DPAUDIT_CACHE", str(tmp_path / "cache"))
    space = {"__name__": "snippet"}
    for language, title, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if title:
            Path(title).parent.mkdir(exist_ok=True)
            Path(title).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, str(page), "exec"), space)  # noqa: S102 - our own documentation
        elif language == "sh":
            for line in text.splitlines():
                assert line.startswith("dpaudit "), line
                assert run(line.split()[1:]) == 0, capsys.readouterr().err
        else:
            pytest.fail(f"a snippet in {language} that nothing runs")


@pytest.mark.slow
def test_the_section_of_the_how_to_is_said_in_spanish(tmp_path, monkeypatch, capsys):
    test_every_snippet_runs(DOCS / "how_to" / "report.md", tmp_path, monkeypatch, capsys)
    told = (tmp_path / "dpaudit-report" / "report.md").read_text(encoding="utf-8")
    assert "## Oficinas\n\nParticipan 3 oficinas." in told


@pytest.mark.slow
def test_the_documentation_builds_strictly(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tutorial" / "index.html").is_file()

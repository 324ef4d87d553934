from __future__ import annotations

import hashlib
import textwrap

import pytest

import dpaudit
from dpaudit.registry import Registry

TEN_LINES = '''\
"""Title I basic grants, simplified."""
import dpaudit

@dpaudit.decision(name="title-i-simple", unit="dollars")
def title_i_simple(counts, *, expenditure: dpaudit.Column, appropriation: float = 1.0):
    """Share the appropriation by eligible children, weighted by expenditure per pupil."""
    weight = counts * expenditure
    return appropriation * weight / weight.sum()
'''
CLASS = '''
import attrs
import dpaudit

@attrs.frozen(kw_only=True)
class Twice(dpaudit.Decision):
    """Double."""

    name = "twice"
    factor: float = attrs.field(default=2.0, validator=attrs.validators.gt(0))

    def decide(self, counts):
        return self.factor * counts

@dpaudit.hookimpl
def dpaudit_decisions():
    return [Twice]
'''


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package of plug-in modules the way an installer would."""
    monkeypatch.delenv("DPAUDIT_LOAD_PLUGINS", raising=False)

    def put(distribution, modules, version="1.2"):
        site = tmp_path / f"site_{distribution}"
        info = site / f"{distribution}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        points = []
        for name, text in modules.items():
            module = f"{distribution}_{name}".replace("-", "_")
            (site / f"{module}.py").write_text(textwrap.dedent(text))
            points.append(f"{name} = {module}")
        (info / "entry_points.txt").write_text("\n".join(["[dpaudit]", *points, ""]))
        monkeypatch.syspath_prepend(site)

    return put


@pytest.fixture
def empty(monkeypatch):
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "")
    return Registry.discover()


def written(tmp_path, text, name="plugin.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_ten_line_file_is_a_plug_in(tmp_path, empty):
    path = written(tmp_path, TEN_LINES)
    empty.load_file(path)
    made = empty.create("decision", "title-i-simple", expenditure="spending", appropriation=5)
    assert (made.unit, made.expenditure, made.appropriation) == ("dollars", "spending", 5.0)
    found = empty.source(type(made))
    assert found.summary.startswith("Share the appropriation")
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.module, found.distribution) == ("plugin.py", "")
    assert empty.is_foreign(type(made))
    assert not list(tmp_path.glob("__pycache__"))


def test_a_file_may_be_loaded_twice_and_into_two_registries(tmp_path, monkeypatch):
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "")
    path = written(tmp_path, TEN_LINES)
    one = Registry.discover(files=[path, str(path)])
    two = Registry.discover(files=[path])
    assert one.get("decision", "title-i-simple") is two.get("decision", "title-i-simple")
    assert one.names("decision") == ("title-i-simple",)
    path.write_text(TEN_LINES.replace("1.0", "2.0"))
    three = Registry.discover(files=[path])
    wanted = {"expenditure": "e"}
    assert three.create("decision", "title-i-simple", **wanted).appropriation == 2.0
    assert two.create("decision", "title-i-simple", **wanted).appropriation == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_at_all\n", r"plugin.py:1: .* ModuleNotFoundError: No module"),
        ("x = 1\n1 / 0\n", r"plugin.py:2: .* ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", r"plugin.py:1: .* SystemExit: 3"),
        ("class Odd(BaseException): ...\nraise Odd\n", r"plugin.py:2: .* Odd"),
        ("def f(:\n", r"plugin.py:1: .* SyntaxError"),
        ("x = '\0'\n", r"plugin.py: the plug-in file does not load"),
        (
            "import dpaudit\n@dpaudit.hookimpl\ndef dpaudit_decision(): return []\n",
            "'dpaudit_decision', which is no hook\n  help: did you mean 'dpaudit_decisions'",
        ),
        ("def dpaudit_decisions(): return []\n", "not marked as a hook"),
        (
            "import dpaudit\n@dpaudit.hookimpl\ndef dpaudit_decisions(): return 3\n",
            "returned int, not a list",
        ),
        (
            "import dpaudit\n@dpaudit.hookimpl\ndef dpaudit_decisions(): return [int]\n",
            "is no plug-in class",
        ),
        (
            "import dpaudit\n@dpaudit.hookimpl\ndef dpaudit_findings(resuls): return []\n",
            "resuls",
        ),
        (CLASS.replace("dpaudit_decisions", "dpaudit_audits"), "Twice is no audit"),
        (CLASS.replace('"twice"', '"Two Times"'), "is no name for a plug-in"),
        (CLASS.replace("def decide", "def decides"), r"lacks decide\(\)"),
        (CLASS.replace("@attrs.frozen(kw_only=True)", ""), "is no attrs class"),
        (CLASS.replace("factor", "output"), "'output' is a key of the audit file"),
    ],
)
def test_a_file_that_does_not_load_is_named_with_its_error(tmp_path, empty, text, message):
    path = written(tmp_path, text)
    with pytest.raises(dpaudit.PluginError, match=message) as caught:
        empty.load_file(path)
    assert caught.match("plugin.py")
    assert empty.all("decision") == {}


def test_an_interrupt_is_not_swallowed(tmp_path, empty):
    with pytest.raises(KeyboardInterrupt):
        empty.load_file(written(tmp_path, "raise KeyboardInterrupt\n"))


def test_a_missing_file_lists_what_is_there(tmp_path, empty):
    written(tmp_path, TEN_LINES, "title_i.py")
    with pytest.raises(dpaudit.PluginError, match="no such plug-in file") as caught:
        empty.load_file(tmp_path / "title1.py")
    assert caught.match("title_i.py")
    with pytest.raises(dpaudit.PluginError, match="a folder"):
        empty.load_file(tmp_path)


def test_installed_plug_ins_are_found_and_broken_ones_are_listed(install):
    install(
        "acme-rules",
        {
            "twice": CLASS,
            "broken": "import nowhere_at_all\n",
            "exiting": "raise SystemExit\n",
            "misspelt": "import dpaudit\n@dpaudit.hookimpl\ndef dpaudit_audit(): return []\n",
        },
    )
    registry = Registry.discover()
    twice = registry.get("decision", "twice")
    source = registry.source(twice)
    assert (source.distribution, source.version) == ("acme-rules", "1.2")
    assert source.module == "acme_rules_twice"
    assert len(source.digest) == 64
    assert registry.is_foreign(twice)
    broken = {plugin.name: plugin for plugin in registry.broken}
    assert set(broken) == {"broken", "exiting", "misspelt"}
    assert broken["broken"].distribution == "acme-rules"
    assert broken["broken"].module == "acme_rules_broken"
    assert "nowhere_at_all" in broken["broken"].reason
    assert "dpaudit_audit" in broken["misspelt"].reason
    with pytest.raises(dpaudit.PluginError, match="nowhere_at_all") as caught:
        registry.get("decision", "broken")
    assert caught.match("acme-rules")


def test_plug_ins_of_dpaudit_itself_are_not_foreign(install):
    install("dpaudit", {"twice": CLASS})
    registry = Registry.discover()
    assert not registry.is_foreign(registry.get("decision", "twice"))


def test_the_environment_decides_which_are_loaded(install, monkeypatch):
    install("some", {"twice": CLASS, "thrice": CLASS.replace("twice", "thrice")})
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "thrice, other")
    assert Registry.discover().names("decision") == ("thrice",)
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "")
    assert Registry.discover().names("decision") == ()


def test_two_plug_ins_of_one_name_fail_when_they_are_used(install, tmp_path):
    install("one", {"twice": CLASS})
    other = CLASS.replace("Twice", "Double") + "\nELSE = 1\n"
    registry = Registry.discover(files=[written(tmp_path, other + TEN_LINES)])
    assert registry.get("decision", "title-i-simple").name == "title-i-simple"
    for use in (lambda: registry.get("decision", "twice"), lambda: registry.all("decision")):
        with pytest.raises(dpaudit.PluginError, match="2 plug-ins of kind decision") as caught:
            use()
        assert caught.match("one_twice:Twice")
        assert caught.match("plugin.py:Double")


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path, empty):
    empty.load_file(written(tmp_path, CLASS))
    with pytest.raises(dpaudit.SpecError, match="did you mean 'twice'"):
        empty.get("decision", "twise")
    with pytest.raises(dpaudit.SpecError, match="known: twice"):
        empty.get("decision", "zzz")
    with pytest.raises(dpaudit.SpecError, match="'twice' is a decision; no audit is installed"):
        empty.get("audit", "twice")
    with pytest.raises(dpaudit.SpecError, match="'decisions' is no kind"):
        empty.get("decisions", "twice")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"facter": 1.0}, "unknown parameter 'facter'\n  help: did you mean 'factor'"),
        ({"factor": "two"}, "expected a number, not text 'two'"),
        ({"factor": True}, "expected a number, not true"),
        ({"factor": -1}, "'factor' must be > 0: -1"),
        ({"factor": float("nan")}, "nan is not a value"),
    ],
)
def test_create_says_what_does_not_fit(tmp_path, empty, values, message):
    empty.load_file(written(tmp_path, CLASS))
    with pytest.raises(dpaudit.SpecError, match=message):
        empty.create("decision", "twice", **values)


def test_create_says_what_is_missing(tmp_path, empty):
    empty.load_file(written(tmp_path, TEN_LINES))
    with pytest.raises(dpaudit.SpecError, match="'expenditure' is missing"):
        empty.create("decision", "title-i-simple")


def test_what_is_in_memory_can_be_added():
    @dpaudit.decision(name="half")
    def half(counts):
        return counts / 2

    registry = Registry()
    registry.add(half)
    registry.add(half)
    assert registry.create("decision", "half").decide([4.0]).tolist() == [2.0]
    assert not registry.is_foreign(registry.get("decision", "half"))
    with pytest.raises(dpaudit.PluginError, match="is no plug-in class"):
        registry.add(int)


def test_packages_bring_data_and_commands(install, tmp_path, monkeypatch):
    data = "import dpaudit, pathlib\n@dpaudit.hookimpl\ndef dpaudit_datasets():\n"
    data += "    return {'d': %s}\n"
    command = "import click, dpaudit\n@click.command()\ndef hello(): ...\n"
    command += "@dpaudit.hookimpl\ndef dpaudit_commands():\n    return [hello]\n"
    fails = "import dpaudit\n@dpaudit.hookimpl\ndef dpaudit_datasets():\n    return 1 / 0\n"
    install("some", {"d": data % "pathlib.Path('a.csv')", "c": command, "f": fails})
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "d,c,f")
    registry = Registry.discover()
    assert [source.path.name for source in registry.datasets().values()] == ["a.csv"]
    assert [found.name for found in registry.commands()] == ["hello"]
    assert [plugin.module for plugin in registry.broken] == ["some_f"]
    registry.load_file(written(tmp_path, data % "pathlib.Path('b.csv')"))
    with pytest.raises(dpaudit.PluginError, match="two data sets are named 'd'"):
        registry.datasets()

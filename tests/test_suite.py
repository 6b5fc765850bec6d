"""Suites: what a file says is what is expanded, and what is wrong with it is told at once, with its line."""

import re
from pathlib import Path

import pytest

from lambdabench import suite
from lambdabench.core.errors import SuiteError, UnknownNameError
from lambdabench.core.spec import ALL, Sampling
from lambdabench.suite import Overrides

HEAD = 'schema = 1\nmetrics = ["latency"]\n'


def load(text: str, folder: Path, overrides: Overrides | None = None) -> suite.Suite:
    path = folder / "mine.toml"
    path.write_text(HEAD + text)
    return suite.load(str(path), overrides)


def test_lists_multiply_and_rows_belong_together(tmp_path: Path) -> None:
    result = load(
        '[[grid]]\nmodel = "a"\nbatch_size = [1, 4]\nrows = [{ image_px = [128, 160] }, { image_px = 224 }]', tmp_path
    )
    sizes = [(cell.case.batch_size, cell.case.image_px) for cell in result.cells]
    assert sizes == [(1, 128), (1, 160), (4, 128), (4, 160), (1, 224), (4, 224)]


def test_later_wins_and_options_merge_key_by_key(tmp_path: Path) -> None:
    text = """
[defaults]
batch_size = 2
options = { scope = 7, heads = 4 }
[[grid]]
model = "a"
options = { scope = [9, 11] }
"""
    cells = load(text, tmp_path).cells
    assert [dict(cell.case.options) for cell in cells] == [{"heads": 4, "scope": 9}, {"heads": 4, "scope": 11}]
    assert {cell.case.batch_size for cell in load(text, tmp_path, Overrides(axes={"batch_size": (8,)})).cells} == {8}


def test_flags_replace_axes_in_rows_too_and_models_filter(tmp_path: Path) -> None:
    text = '[[grid]]\nrows = [{ model = "a", image_px = 128 }, { model = "b", image_px = "native" }]'
    result = load(text, tmp_path, Overrides(axes={"image_px": (64,)}, models=("b*",)))
    assert [(cell.case.model, cell.case.image_px) for cell in result.cells] == [("b", 64)]
    with pytest.raises(SuiteError, match=r"no model of mine matches z\*; it has a, b$"):
        load(text, tmp_path, Overrides(models=("z*",)))


def test_a_model_that_a_suite_has_not_is_told_how_to_ask_for(tmp_path: Path) -> None:
    text = '[[grid]]\nmodel = ["a", "b"]'
    with pytest.raises(
        SuiteError, match=r"matches resnet18, z\*; it has a, b; for a model that it has not: --model resnet18$"
    ):
        load(text, tmp_path, Overrides(models=("resnet18", "z*")))
    result = load(text, tmp_path, Overrides(model=("resnet18", "resnet34")))
    assert [cell.case.model for cell in result.cells] == ["resnet18", "resnet34"]


def test_sizes_may_be_shapes_and_flags_replace_them(tmp_path: Path) -> None:
    text = '[[grid]]\nmodel = "a"\nimage_px = [64, "96x160", "1x32x32", "3x64x64"]'
    shown = [(cell.case.image_px, cell.case.options) for cell in load(text, tmp_path).cells]
    assert shown == [(64, ()), (160, (("input", "3x96x160"),)), (32, (("input", "1x32x32"),))]
    text = '[[grid]]\nmodel = "a"\noptions = { input = "1x96x160" }'
    shown = [(cell.case.image_px, cell.case.options) for cell in load(text, tmp_path).cells]
    assert shown == [(160, (("input", "1x96x160"),))]
    for flags, wanted in (((32,), (32, ())), (("96x160",), (160, (("input", "3x96x160"),)))):
        (cell,) = load(text, tmp_path, Overrides(axes={"image_px": flags})).cells
        assert (cell.case.image_px, cell.case.options) == wanted
    with pytest.raises(SuiteError, match=r"mine\.toml:5: grid\.0\.image_px\.0.*: found 'wide'"):
        load('[[grid]]\nmodel = "a"\nimage_px = "wide"', tmp_path)


def test_devices_are_a_number_or_all(tmp_path: Path) -> None:
    text = '[[grid]]\nmodel = "a"\ndevices = [2, "all"]'
    assert [cell.case.devices for cell in load(text, tmp_path).cells] == [2, ALL]
    assert [cell.case.devices for cell in load(text, tmp_path, Overrides(axes={"devices": ("all",)})).cells] == [ALL]
    with pytest.raises(SuiteError, match=r"mine\.toml:5: grid\.0\.devices\.0: found 0"):
        load('[[grid]]\nmodel = "a"\ndevices = 0', tmp_path)


def test_equal_cases_are_merged(tmp_path: Path) -> None:
    assert len(load('[[grid]]\nmodel = ["a", "a"]\n[[grid]]\nmodel = "a"', tmp_path).cells) == 1


def test_a_users_model_replaces_the_grids_and_carries_the_hash_of_its_source(tmp_path: Path) -> None:
    own = tmp_path / "net.py"
    own.write_text("x = 1\n")
    text = '[defaults]\nbatch_size = 3\n[[grid]]\nmodel = ["a", "b"]\nbatch_size = 9'
    (cell,) = load(text, tmp_path, Overrides(model=(f"{own}:make",))).cells
    assert cell.case.batch_size == 3
    first = cell.case.model_hash
    own.write_text("x = 2\n")
    assert load(text, tmp_path, Overrides(model=(f"{own}:make",))).cells[0].case.model_hash != first
    with pytest.raises(SuiteError, match="there is no file"):
        load(text, tmp_path, Overrides(model=(f"{tmp_path}/absent.py:make",)))
    with pytest.raises(SuiteError, match=r"expected file\.py:callable"):
        load(text, tmp_path, Overrides(model=("Strange",)))


def test_every_problem_is_told_with_its_line(tmp_path: Path) -> None:
    text = """[defaults]
batch_sise = 4
[[grid]]
model = "Hub/name"
backend = "torch_eeger"
[[grid]]
model = "a"
dtype = "float31"
batch_size = 0
"""
    with pytest.raises(SuiteError) as caught:
        load(text, tmp_path)
    lines = {int(number) for number in re.findall(r"mine\.toml:(\d+):", str(caught.value))}
    assert lines == {4, 6, 7, 10, 11}
    said = str(caught.value)
    for part in ("did you mean 'batch_size'", "did you mean 'torch_eager'", "lower-case", "'float31'", "found 0"):
        assert part in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grid = 3 3", "no TOML"),
        ("[[grid]]\nbatch_size = 1", "no model"),
        ('[[grid]]\nmodel = "a"\nexclude = [{ modle = "a" }]', r"mine\.toml:5: grid\.0\.exclude\.0: .*did you mean"),
        ('[[grid]]\nmodel = "a"\ndevice = 3', r"mine\.toml:5: grid\.0\.device: "),
        ('fp16 = true\n[[grid]]\nmodel = "a"', r"mine\.toml:3: fp16: unknown key"),
        (
            '[sampling]\ncase_budget = 1\n[[grid]]\nmodel = "a"',
            r"mine\.toml:4: sampling\.case_budget: .*'case_budget_s'",
        ),
        ('[sampling]\ncase_budget_s = 0\n[[grid]]\nmodel = "a"', r"mine\.toml:4: .*found 0; .*greater than 0"),
        ('[sampling]\ncase_budget_s = inf\n[[grid]]\nmodel = "a"', r"mine\.toml:4: .*finite"),
        ('[sampling]\nmin_samples = -3\n[[grid]]\nmodel = "a"', r"found -3; .*greater than or equal to 1"),
        ('[sampling]\nspread_processes = -2\n[[grid]]\nmodel = "a"', "sampling.spread_processes: found -2"),
        ('[sampling]\nspread_processes = 1.5\n[[grid]]\nmodel = "a"', "spread_processes: found 1.5; .*integer"),
        ('[sampling]\ntarget_precision = 2\n[[grid]]\nmodel = "a"', "target_precision: found 2"),
        ('[[grid]]\nmodel = "a"\nbatch_size = 10000000000000000000000', "less than or equal to 1000000"),
        ('reference = { modell = "a" }\n[[grid]]\nmodel = "a"', r"mine\.toml:3: reference: .*did you mean 'model'"),
        (
            'reference = { model = "b" }\n[[grid]]\nmodel = "a"',
            "mine.toml: reference: no case has model = 'b'; models: a",
        ),
        (
            'reference = { model = "a", batch_size = 9 }\n[[grid]]\nmodel = "a"',
            "no case has model = 'a' and batch_size = 9",
        ),
        ('control = ["a", "b"]\n[[grid]]\nmodel = "a"', "mine.toml: control: no case has model = 'b'; models: a"),
    ],
)
def test_other_mistakes_are_clear(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=said):
        load(text, tmp_path)


@pytest.mark.parametrize(("processes", "spread", "wanted"), [(1, 5, 5), (4, 2, 4)])
def test_keys_of_older_suites_are_read(processes: int, spread: int, wanted: int, tmp_path: Path) -> None:
    """The greater number of processes counts; what changes nothing is said to."""
    own = f"[sampling]\nprocesses = {processes}\nspread_processes = {spread}\ntarget_precision = 0.5\n"
    result = load(f'jobs_per_worker = 4\n{own}[[grid]]\nmodel = "a"', tmp_path)
    assert result.sampling == Sampling(processes=wanted)
    schema = suite.json_schema()
    assert schema["properties"]["jobs_per_worker"]["description"] == "Of older suites; it changes nothing."
    item = schema["$defs"]["SamplingTable"]["properties"]
    assert item["target_precision"]["description"] == "Of older suites; it changes nothing."
    assert "the greater of this and processes" in item["spread_processes"]["description"]


def test_a_reference_that_flags_take_away_is_no_mistake(tmp_path: Path) -> None:
    text = 'reference = { model = "a", batch_size = 2 }\ncontrol = ["a", "b"]\n[[grid]]\nmodel = ["a", "b"]\nbatch_size = 2'
    own = tmp_path / "net.py"
    own.touch()
    for flags in (Overrides(models=("b",)), Overrides(axes={"batch_size": (4,)}), Overrides(model=(f"{own}:make",))):
        assert load(text, tmp_path, flags).cells


def test_a_file_that_is_no_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes('title = "für"'.encode("latin-1"))
    with pytest.raises(SuiteError, match=r"mine\.toml cannot be read: 'utf-8' codec .*; a suite file is TOML in UTF-8"):
        suite.load(str(path))


def test_an_unknown_suite_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'quickstart'"):
        suite.load("quickstrt")
    with pytest.raises(SuiteError, match="there is no suite file"):
        suite.load("absent/x.toml")


@pytest.mark.parametrize("name", suite.names())
def test_shipped_suites_load_and_have_a_title(name: str) -> None:
    result = suite.load(name)
    assert result.title
    assert result.cells


def test_the_json_schema_knows_the_keys() -> None:
    assert {"schema", "metrics", "grid", "defaults", "control"} <= set(suite.json_schema()["properties"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("...toml", "it must begin with a letter or digit"),
        ("..toml", "it must begin with a letter or digit"),
        (".hidden.toml", "it must begin with a letter or digit"),
        ("-rf.toml", "it must begin with a letter or digit"),
        ("a\nb.toml", r"it holds '\\n'"),
        ("a\x1b[2J.toml", r"it holds '\\x1b'"),
        ("a\u202eb.toml", r"it holds '\\u202e'"),
        ("a\\b.toml", r"it holds '\\\\'"),
        ("a|b.toml", r"it holds '\|'"),
        ("reference.toml", "reference is a folder of our own"),
        ("n" * 101 + ".toml", "it has 101 characters, expected 100 at most"),
    ],
)
def test_a_suite_is_no_other_folder_than_one_of_its_name(name: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(HEAD + '[[grid]]\nmodel = "a"')
    with pytest.raises(SuiteError, match=f"^a suite called .*: {said}.*; its results go to a folder of that name"):
        suite.load(str(path))
    with pytest.raises(SuiteError, match=said):
        suite.name_of(str(path))


@pytest.mark.parametrize("name", ["..", ".", "", "-x"])
def test_a_name_that_is_another_folder_is_no_suites(name: str) -> None:
    with pytest.raises(SuiteError, match="it must begin with a letter or digit"):
        suite.name_of(name)


@pytest.mark.parametrize("name", ["mine", "My suite (2)", "größe", "a.b-c_d+e@2", "v1..2"])
def test_a_suite_may_be_called_what_people_call_files(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.toml").write_text(HEAD + '[[grid]]\nmodel = "a"')
    assert suite.load(str(tmp_path / f"{name}.toml")).name == name

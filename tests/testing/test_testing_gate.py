"""The gate in a pytest of its own, over runs that were really lived."""

import asyncio
import json
import shutil
from xml.etree import ElementTree

import duckdb
import pytest
from testing_house import add_broken, gardeners, hermetic, lived, seeded
from typer.testing import CliRunner

from mana_lab import Lab, RunFolder
from mana_lab.commands.app import app
from mana_lab.errors import SettingsError
from mana_lab.lab.places import open_place, place_and_run

pytest_plugins = ["pytester"]

DAYS = 1


def typed(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with two runs of one app, a third one, and one in which a tool is broken."""
    home = tmp_path_factory.mktemp("gate")

    async def live():
        await seeded(home / "seeded", gardeners())
        for name, seed, more in (
            ("one", 1, {}),
            ("two", 2, {}),
            ("three", 3, {}),
            ("broken", 4, {"tool": add_broken}),
        ):
            folder = shutil.copytree(home / "seeded", home / f"lab-{name}")
            await lived(folder, home / name, seed=seed, days=DAYS, **more)

    asyncio.run(live())
    made = typed("baseline", home / "one", home / "two", "--out", home / "baseline.json")
    assert made.exit_code == 0, made.output
    return home


@pytest.fixture
def gate(pytester, home):
    """Return what holds a run against the baseline."""

    def run(place, *options, baseline="baseline.json"):
        known = (f"--mana-baseline={home / baseline}", f"--mana-run={home}/{place}")
        return hermetic(pytester).runpytest_inprocess(*known, *options)

    return run


@pytest.mark.slow
def test_an_unchanged_app_passes_and_what_came_of_it_is_told(gate):
    done = gate("three", "-v")
    outcomes = done.parseoutcomes()
    assert done.ret == 0
    assert "failed" not in outcomes
    done.stdout.fnmatch_lines(["mana_baseline::plants PASSED*"])
    done.stdout.fnmatch_lines(["*mana_lab: the run against the baseline*"])
    done.stdout.fnmatch_lines(["plants: same: rating * -> * noise floor *p * after Holm*"])


@pytest.mark.slow
def test_a_broken_tool_fails_its_module_and_no_other(gate, pytester):
    done = gate("lab-broken:1", "--junitxml=gate.xml", "-q")
    assert done.ret == 1
    cases = {
        case.get("name"): case
        for case in ElementTree.parse(pytester.path / "gate.xml").iter("testcase")
    }
    assert [name for name, case in cases.items() if case.find("failure") is not None] == ["plants"]
    plants = cases["plants"]
    assert plants.get("classname") == "mana_baseline"
    figures = {each.get("name"): each.get("value") for each in plants.iter("property")}
    assert figures["outcome"] == "worse"
    assert figures["failed_after"] == "1"
    assert float(figures["failed_difference"]) > float(figures["failed_floor"])
    assert float(figures["failed_p_holm"]) <= 0.05
    reason = plants.find("failure").get("message")
    assert reason.startswith("plants: worse: rating ")
    assert "-> 100% (+" in reason
    for skipped in cases["habits"].iter("skipped"):
        assert "are needed to tell a change from chance" in skipped.get("message")


def test_the_gate_can_be_asked_alone_and_one_module_of_it(gate, pytester):
    pytester.makepyfile("def test_mine(): assert False")
    assert gate("three", "-m", "mana_baseline").ret == 0
    done = gate("broken", "-m", "mana_baseline", "-k", "plants")
    assert (done.ret, done.parseoutcomes()["failed"]) == (1, 1)
    done.stdout.fnmatch_lines(["collected * items / * deselected / 1 selected"])


def with_failed_ticks(archive, to, which):
    """Copy an archive, with failed ticks where *which* holds."""
    shutil.copytree(archive, to)
    ticks = to / "ticks" / "run=1" / "data.parquet"
    with duckdb.connect() as duck:
        duck.execute("CREATE TABLE ticks AS FROM read_parquet($file)", {"file": str(ticks)})
        duck.execute(f"UPDATE ticks SET status = 'failed' WHERE {which}")
        duck.execute("COPY ticks TO $file (FORMAT parquet)", {"file": str(ticks)})


def test_a_run_whose_ticks_failed_is_no_run_to_judge_by(home, gate, tmp_path):
    with_failed_ticks(home / "three", home / "three-failed", "true")
    done = gate("three-failed")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --mana-baseline: * ticks of run 1 failed, more than half*"])
    out = tmp_path / "baseline.json"
    made = typed("baseline", home / "one", home / "three-failed", "--out", out)
    assert (made.exit_code, out.exists()) == (2, False)
    assert "ticks of run 1 failed, more than half" in made.stderr


def test_ticks_that_failed_are_told(home, gate, tmp_path):
    first = "id = (SELECT min(id) FROM ticks)"
    with_failed_ticks(home / "three", home / "three-but-one", first)
    told = "1 of the 10 ticks of run 1 failed"
    gate("three-but-one").stdout.fnmatch_lines([f"note: {told}*"])
    out = tmp_path / "baseline.json"
    made = typed("baseline", home / "one", home / "three-but-one", "--out", out)
    assert (made.exit_code, f"Note:    {told}" in made.stdout) == (0, True)


@pytest.mark.slow
def test_processes_of_xdist_open_the_lab_once(gate):
    done = gate("lab-broken", "-n", "2")
    assert done.parseoutcomes()["failed"] == 1
    done.stdout.fnmatch_lines(["FAILED *mana_baseline::plants - plants: worse*"])


def test_what_was_kept_is_held_against_the_baseline_too(home, gate):
    kept = typed("keep", home / "kept", "--dir", home / "lab-three")
    assert kept.exit_code == 0, kept.output
    assert gate("kept").ret == 0


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere", "is neither the folder of a lab nor a run folder*(invalid-settings)"),
        ("seeded", "it has no runs yet*(not-found)"),
        ("three:2", "this lab has no run 2; its runs are 1 (not-found)"),
        ("three:0", "this lab has no run 0*"),
        ("baseline.json", "is neither the folder of a lab*"),
    ],
)
def test_a_run_that_cannot_be_read_ends_the_session(gate, place, reason):
    done = gate(place)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: --mana-baseline: *{reason}"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such file*(invalid-baseline)"),
        ("{}", "is no baseline*(invalid-baseline)"),
        ("nonsense", "is not JSON*(invalid-baseline)"),
    ],
)
def test_a_baseline_that_cannot_be_read_ends_the_session(home, gate, content, reason):
    if content is not None:
        (home / "wrong.json").write_text(content)
    done = gate("three", baseline="wrong.json" if content else "absent.json")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: --mana-baseline: *{reason}"])


def test_the_last_run_of_the_default_lab_is_meant(pytester, home):
    shutil.copytree(home / "lab-broken", pytester.path / ".mana-lab")
    done = pytester.runpytest_inprocess(f"--mana-baseline={home}/baseline.json")
    assert done.parseoutcomes()["failed"] == 1


def test_a_run_alone_says_nothing(pytester):
    done = pytester.runpytest_inprocess("--mana-run=lab")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --mana-run goes with --mana-baseline FILE"])


def test_names_of_modules_are_shown_and_never_obeyed(home, gate, pytester):
    """What a foreign server calls its tools goes into a terminal, and into XML."""
    hostile = "<b>\x1b[31m::&]]>\n"
    known = json.loads((home / "baseline.json").read_text())
    known["modules"][hostile] = known["modules"].pop("plants")
    (home / "hostile.json").write_text(json.dumps(known))
    done = gate("three", "--junitxml=gate.xml", baseline="hostile.json")
    assert done.ret == 1
    assert "\x1b" not in done.stdout.str()
    cases = [
        each.get("name") for each in ElementTree.parse(pytester.path / "gate.xml").iter("testcase")
    ]
    assert ascii(hostile) in "".join(cases)
    done.stdout.fnmatch_lines(["*: gone: * personas used it in the baseline, and now nobody did"])


def test_a_foreign_model_is_shown_and_never_obeyed(home, gate):
    known = json.loads((home / "baseline.json").read_text())
    (home / "hostile.json").write_text(json.dumps(known | {"model": "a \x1b[31m\u202emodel"}))
    done = gate("three", baseline="hostile.json")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert r"a \x1b[31m\u202emodel" in done.stderr.str()
    assert not set(done.stderr.str()) & set("\x1b\u202e")


def test_a_lab_that_is_open_elsewhere_is_told(home, gate):
    async def held():
        async with await Lab.open(home / "lab-three"):
            return await asyncio.to_thread(gate, "lab-three")

    done = asyncio.run(held())
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*is open already*(lab-busy)"])


async def test_a_place_opens_as_what_it_is(home, tmp_path):
    async with await open_place(home / "lab-one") as lab:
        assert isinstance(lab, Lab)
        await lab.keep_run(1, tmp_path / "kept")
    async with await open_place(str(tmp_path / "kept")) as kept:
        assert isinstance(kept, RunFolder)
    async with await open_place(home / "one") as archive:
        assert len(archive.runs_df()) == 1
    with pytest.raises(SettingsError, match="is neither the folder of a lab"):
        await open_place(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]


@pytest.mark.parametrize(
    ("text", "folder", "run"),
    [
        ("lab", "lab", -1),
        ("lab:2", "lab", 2),
        ("lab:-2", "lab", -2),
        ("C:\\lab", "C:\\lab", -1),
        ("C:\\lab:3", "C:\\lab", 3),
        ("lab:", "lab:", -1),
        ("lab:x", "lab:x", -1),
        (":2", ":2", -1),
    ],
)
def test_a_place_may_name_a_run(text, folder, run):
    path, number = place_and_run(text)
    assert (str(path), number) == (folder, run)


def test_a_place_has_a_name(tmp_path):
    with pytest.raises(SettingsError, match="got an empty name"):
        place_and_run("")
    (tmp_path / "lab:2").mkdir()
    assert place_and_run(f"{tmp_path}/lab:2") == (tmp_path / "lab:2", -1)


@pytest.mark.slow
def test_unchanged_apps_never_fail_and_a_broken_tool_fails_its_module_only(tmp_path, pytester):
    """Ten comparisons of an app with itself, each from the same start with another seed."""

    async def live(number, **more):
        folder = shutil.copytree(tmp_path / "seeded", tmp_path / f"lab-{number}")
        await lived(folder, tmp_path / f"run-{number}", seed=number, days=2, **more)
        shutil.rmtree(folder)

    async def live_all():
        await seeded(tmp_path / "seeded", gardeners())
        for number in range(1, 13):
            await live(number)
        await live(13, tool=add_broken)

    asyncio.run(live_all())
    two = (tmp_path / "run-1", tmp_path / "run-2")
    made = typed("baseline", *two, "--out", tmp_path / "baseline.json")
    assert made.exit_code == 0, made.output

    def outcomes(number):
        run = f"--mana-run={tmp_path}/run-{number}"
        report = pytester.path / f"{number}.xml"
        known = (f"--mana-baseline={tmp_path}/baseline.json", run, f"--junitxml={report}")
        pytester.runpytest_inprocess(*known)
        cases = list(ElementTree.parse(report).iter("testcase"))
        judged = {case.get("name") for case in cases if case.find("skipped") is None}
        return judged, {case.get("name") for case in cases if case.find("failure") is not None}

    for number in range(3, 13):
        judged, failed = outcomes(number)
        assert judged >= {"mood", "notes", "plants"}
        assert failed == set(), number
    assert outcomes(13)[1] == {"plants"}

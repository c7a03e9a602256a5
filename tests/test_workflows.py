"""What CI must never do: run a stranger's code on a runner of one's own. And which versions it tests."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def triggers(workflow: dict[Any, Any]) -> set[str]:
    return set(workflow[True])  # YAML 1.1 reads `on` as true


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_self_hosted_runner_is_reached_only_from_this_repository(path: Path) -> None:
    workflow = read(path)
    own = [job for job in workflow["jobs"].values() if "self-hosted" in job["runs-on"]]
    for job in own:
        assert "pull_request" not in triggers(workflow)  # it takes this very file from the stranger's branch
        assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
    if "pull_request_target" in triggers(workflow):
        assert own == list(workflow["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_may_write_to_the_repository(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}


def test_the_gpu_workflow_runs_by_hand_every_night_and_by_label() -> None:
    workflow = read(next(path for path in WORKFLOWS if path.name == "gpu-benchmarks.yml"))
    assert triggers(workflow) == {"workflow_dispatch", "schedule", "pull_request_target"}
    steps = "\n".join(step.get("run", "") for step in workflow["jobs"]["gpu"]["steps"])
    assert "make test-gpu" in steps
    assert "--compare" in steps
    assert "GITHUB_STEP_SUMMARY" in steps


def test_the_lowest_versions_that_are_tested_are_those_that_the_base_package_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = dict(requirement.split(",")[0].split(">=") for requirement in project["dependencies"])
    lines = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert set(tested) == set(allowed)
    for name, version in allowed.items():
        assert f"{tested[name]}.".startswith(f"{version}."), name
    steps = read(next(path for path in WORKFLOWS if path.name == "ci.yml"))["jobs"]["lowest"]["steps"]
    installs = [step["run"] for step in steps if "pip install" in step.get("run", "")]
    assert all("--constraint .ci/lowest.txt" in install for install in installs)

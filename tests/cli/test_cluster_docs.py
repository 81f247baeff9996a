"""The job files in docs/cluster.md, run without their schedulers."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from impasto.pictures import write_picture
from tests.helpers import smooth_picture

DOCUMENT = Path(__file__).parents[2] / "docs" / "cluster.md"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the job files are for bash")


def block(language, beginning):
    """Return the code block of the document that begins with some text."""
    found = re.findall(rf"```{language}\n({re.escape(beginning)}.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(found) == 1
    return found[0]


@pytest.fixture
def farm(tmp_path, tiny_encoder, monkeypatch, impasto_command):
    """Change to a folder with a plan of four paintings, and return their bytes when painted in one run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number in range(4):
        write_picture(tmp_path / "photos" / f"{number}.png", smooth_picture(32, 40, seed=number))
    write_picture(tmp_path / "s.png", smooth_picture(32, 32, seed=9))
    tiny = ["--encoder", tiny_encoder, "--size", 40, "--iterations", 1, "--precision", "float32", "--threads", 1]
    assert (
        impasto_command("batch", "plan", "photos", "-s", "s.png", "--out", "out", *tiny, "-o", "plan.jsonl").code == 0
    )
    assert impasto_command("batch", "run", "plan.jsonl", "--quiet").code == 0
    pictures = read(tmp_path / "out")
    assert len(pictures) == 4
    (tmp_path / "out").rename(tmp_path / "one-run")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "impasto"
    command.write_text("#!/bin/bash\nprintf '%s\\n' \"$@\"\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return pictures


def read(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


@pytest.fixture
def run(impasto_command):
    """Return a function that runs a script whose ``impasto`` prints its arguments, and then the command itself."""

    def start(command, **environment):
        path = f"{Path('bin').absolute()}:{os.environ['PATH']}"
        done = subprocess.run(command, env=os.environ | {"PATH": path} | environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        result = impasto_command(*done.stdout.splitlines())
        assert (result.code, result.out, result.err) == (0, "", "")

    return start


def test_slurm_script_paints_every_shard(farm, tmp_path, run):
    script = block("bash", "#!/bin/bash\n#SBATCH")
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", script, re.MULTILINE))
    (shards,) = re.findall(r"^SHARDS=(\d+)", script, re.MULTILINE)
    assert options["array"] == f"1-{shards}"
    (tmp_path / "paint.sh").write_text(script.replace(f"SHARDS={shards}", "SHARDS=3"))
    for number in (1, 2, 3):
        run(["bash", "paint.sh"], SLURM_ARRAY_TASK_ID=str(number))
    assert read(tmp_path / "out") == farm


def test_kubernetes_job_paints_every_shard(farm, tmp_path, run):
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load(block("yaml", "apiVersion: batch/v1\nkind: Job"))
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert spec["completionMode"] == "Indexed"
    assert environment["SHARDS"] == str(spec["completions"])
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    for index in range(3):
        changed = {"PLAN": "plan.jsonl", "SHARDS": "3", "JOB_COMPLETION_INDEX": str(index)}
        run([*container["command"], *container["args"]], **changed)
    assert read(tmp_path / "out") == farm

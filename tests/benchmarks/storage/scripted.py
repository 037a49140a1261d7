"""Peers that are Python packages, driven by a few lines each in an interpreter that has them: hf-xet, oxen, mlflow."""

import shutil
import subprocess
from pathlib import Path

from tests.benchmarks.measure import Run
from tests.benchmarks.storage.peers import FOLDERS, Peer, copied, files_below, quietly, timed

STUFF = "stuff"


class Scripted(Peer):
    """A package; `package` is its import, `distribution` its name where it comes from."""

    package = ""
    distribution = ""
    setup = ""
    putting = ""
    getting = ""

    def found(self) -> str | None:
        """An interpreter that has the package."""
        for folder in FOLDERS:
            python = Path(folder) / "python"
            words = ["-c", f"import importlib.util as u; raise SystemExit(u.find_spec({self.package!r}) is None)"]
            if python.exists() and subprocess.run([python, *words], capture_output=True).returncode == 0:
                return str(python)
        return None

    def version(self) -> str:
        """The version of the distribution."""
        return self.first_line("-c", f"from importlib.metadata import version; print(version({self.distribution!r}))")

    def _words(self, script: str, place: Path, *more: str | Path) -> list[str | Path]:
        return ["env", f"HOME={place}", "NO_COLOR=1", self.found() or "", "-c", script, place, *more]

    def prepare(self, place: Path) -> None:
        """Runs what sets it up."""
        if self.setup:
            quietly(self._words(self.setup, place), place)

    def put(self, place: Path, version: Path, number: int) -> Run:
        """Runs what stores a version."""
        return timed(self._words(self.putting, place, version, str(number)), place)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Runs what writes a version."""
        return timed(self._words(self.getting, place, target, str(number)), place)


class HfXet(Scripted):
    """The storage of the Hugging Face Hub, without its server."""

    name = "hf-xet"
    settings = "endpoint local://, one upload commit a version, one download group a version; sha256 skipped"
    package, distribution = "hf_xet", "hf-xet"
    putting = """
import hf_xet, json, os, sys
place, version, number = sys.argv[1:]
files = [os.path.join(folder, name) for folder, _, names in os.walk(version) for name in names]
with hf_xet.XetSession().new_upload_commit(endpoint="local://" + place + "/cas") as commit:
    waiting = {os.path.relpath(file, version): commit.start_upload_file(file, sha256=hf_xet.SKIP_SHA256) for file in files}
told = {name: handle.result().xet_info for name, handle in waiting.items()}
with open(place + "/" + number + ".json", "w") as file:
    json.dump({name: [info.hash, info.file_size] for name, info in told.items()}, file)
"""
    getting = """
import hf_xet, json, os, sys
place, target, number = sys.argv[1:]
told = json.load(open(place + "/" + number + ".json"))
with hf_xet.XetSession().new_file_download_group(endpoint="local://" + place + "/cas") as group:
    for name, (hash, size) in told.items():
        path = os.path.join(target, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        group.start_download_file(hf_xet.XetFileInfo(hash, size), path)
"""

    def stored(self, place: Path) -> list[Path]:
        """The chunk store and the lists of files; a cache of chunks is none of it."""
        return [*files_below(place / "cas"), *place.glob("*.json")]


class Oxen(Scripted):
    """Oxen, a branch a version."""

    name = "oxen"
    settings = "a branch a version, add and commit; checkout of the branch"
    package, distribution = "oxen", "oxenai"
    setup = """
import sys
from oxen import Repo, user
user.config_user("Ada", "ada@example.org")
repo = Repo(sys.argv[1] + "/tree", mkdir=True)
repo.init()
open(sys.argv[1] + "/tree/about.md", "w").write("nothing yet")
repo.add("about.md")
repo.commit("begin")
"""
    putting = """
import os, sys
from oxen import Repo
os.chdir(sys.argv[1] + "/tree")
repo = Repo(".")
repo.checkout("v" + sys.argv[3], create=True)
repo.add("stuff")
repo.commit("version")
"""
    getting = """
import os, sys
from oxen import Repo
os.chdir(sys.argv[1] + "/tree")
Repo(".").checkout("v" + sys.argv[3])
"""
    leaving = """
import os, sys
from oxen import Repo
os.chdir(sys.argv[1] + "/tree")
Repo(".").checkout("main")
"""

    def stage(self, place: Path, version: Path) -> None:
        """A copy in the work tree."""
        copied(version, place / "tree" / STUFF)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Goes from the empty branch to the version's; the folder is copied to the target untimed."""
        quietly(self._words(self.leaving, place), place)
        taken = super().restore(place, number, target)
        shutil.copytree(place / "tree" / STUFF, target)
        return taken

    def stored(self, place: Path) -> list[Path]:
        """What the repository holds."""
        return files_below(place / "tree" / ".oxen")


class Mlflow(Scripted):
    """MLflow with files for a store: a run a version."""

    name = "mlflow"
    settings = "log_artifacts into a store of files (copies); download_artifacts"
    package, distribution = "mlflow", "mlflow-skinny"
    putting = """
import os, sys
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow
mlflow.set_tracking_uri("file://" + sys.argv[1] + "/runs")
with mlflow.start_run() as run:
    mlflow.log_artifacts(sys.argv[2])
open(sys.argv[1] + "/" + sys.argv[3] + ".run", "w").write(run.info.run_id)
"""
    getting = """
import os, sys
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow
mlflow.set_tracking_uri("file://" + sys.argv[1] + "/runs")
run = open(sys.argv[1] + "/" + sys.argv[3] + ".run").read()
os.mkdir(sys.argv[2])
mlflow.artifacts.download_artifacts(run_id=run, dst_path=sys.argv[2])
"""

    def stored(self, place: Path) -> list[Path]:
        """The runs."""
        return files_below(place / "runs")


PEERS: list[Peer] = [HfXet(), Oxen(), Mlflow()]

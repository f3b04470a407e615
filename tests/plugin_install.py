"""Installs the example of a third party's package where tests can find it."""

import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "examples" / "third_party_tier"


def install_third_party_tier(target: Path) -> Path:
    """Install the example package into a folder with pip, offline, and return that folder, for PYTHONPATH."""
    source = target.with_name(target.name + "-source")
    # setuptools leaves build folders in the source, which is not to be the checkout.
    shutil.copytree(PACKAGE, source, dirs_exist_ok=True)
    arguments = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *arguments, "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target

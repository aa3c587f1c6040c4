"""Chromium, in which the page of plugins/status is tested: installed with apt where MODELPLUG_BROWSER is `required`."""

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FONTS = "fonts-dejavu-core"  # without any, a page is as wide as nothing


def install() -> None:
    """Installs it where it is missing: as root, on Debian and its relatives. What apt complains about is shown."""
    if os.environ.get("MODELPLUG_BROWSER") != "required" or any(map(shutil.which, NAMES)):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return  # the tests fail and say what is missing
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium", FONTS]):
        command = ["apt-get", "-qq", *arguments]
        subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

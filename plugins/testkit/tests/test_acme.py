"""The example provider through the kit, as its author would test it."""

import sys
from typing import ClassVar

from modelplug_http import HttpPlugin
from modelplug_testkit import Kit

from tests.workspace import ROOT

sys.path.append(str(ROOT / "examples" / "provider-acme" / "src"))  # it is not installed here: it would be loaded

from modelplug_acme import Acme


class TestAcme(Kit):
    """Carried by http, as its defaults say."""

    model = "anvil"
    embedding_model = "acme/anvil-embed"
    claims: ClassVar = {"chat", "stream", "tools", "embeddings"}
    plugins: ClassVar = (Acme, HttpPlugin)

"""The sink `webhook`: alerts as signed JSON, sent to one address of the settings.

Signed as Standard Webhooks says, for whose check there are libraries in most languages.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from attrs import field, frozen
from modelplug import ConfigError, Credentials, Secret, Settings
from modelplug.failures import parse_retry_after

from modelplug_metrics._exchange import exchange
from modelplug_metrics._rules import duration
from modelplug_metrics.alerts import Alert

PREFIX = "whsec_"
LONGEST_WAIT = 60.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which it is tried again."""


class WebhookFailed(Exception):
    """Alerts did not arrive, for a reason that names neither the address nor the secret."""


@frozen(kw_only=True)
class Webhook:
    """A sink. Waits 1, 2, 4, ... seconds between its tries, or as long as the answer asks, at most a minute."""

    url: Secret
    secret: Secret
    attempts: int = 5
    timeout: float = 10.0
    wait: Callable[[float], object] = field(default=time.sleep, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Webhook:
        """As `[alerts.webhook]` says. Raises ConfigError, naming the setting, when it cannot be used."""
        table = settings.table("alerts", "webhook")
        url, secret = table.secret("url"), table.secret("secret")
        if url is None:
            raise ConfigError("[alerts.webhook] url", "is not set", "Set url, url_env or url_file.")
        if secret is None:
            step = "Set secret, secret_env or secret_file; the receiver checks the signature with it."
            raise ConfigError("[alerts.webhook] secret", "is not set", step)
        if secret.reveal().startswith(PREFIX):
            try:
                base64.b64decode(secret.reveal().removeprefix(PREFIX), validate=True)
            except ValueError:
                step = "Copy it whole, or leave the prefix out."
                raise ConfigError("[alerts.webhook] secret", "is not base64 after whsec_", step) from None
        try:  # the rules of an API base; only a query is allowed here, where some receivers have their token
            base = url.reveal().partition("?")[0]
            Credentials(api_base=base, allow_link_local=table.flag("allow_link_local"))
        except ConfigError as error:
            raise ConfigError("[alerts.webhook] url", error.problem, error.next_step) from None
        attempts, timeout = max(1, int(table.number("attempts", 5) or 0)), duration(table, "timeout", 10.0)
        if not timeout:
            raise ConfigError("[alerts.webhook] timeout", "is no time at all", "Write seconds, such as 10.")
        return cls(url=url, secret=secret, attempts=attempts, timeout=timeout)

    def __call__(self, alerts: Sequence[Alert]) -> None:
        """Send these alerts, all together. Raises WebhookFailed when no try arrived."""
        identity, now = f"msg_{uuid.uuid4().hex}", datetime.now(UTC)
        data = {"alerts": [alert.as_json() for alert in alerts]}
        body = json.dumps({"type": "modelplug.alerts", "timestamp": now.isoformat(timespec="seconds"), "data": data})
        problem = ""
        for count in range(1, self.attempts + 1):
            pause = min(2.0 ** (count - 1), LONGEST_WAIT)
            try:
                status, asked = self._try(identity, body.encode())
            except OSError as error:
                problem = type(error).__name__
            else:
                if 200 <= status < 300:
                    return
                problem = f"status {status}"
                if status not in AGAIN:
                    raise WebhookFailed(f"it answered {problem}, after which trying again is of no use")
                pause = max(pause, min(asked or 0.0, LONGEST_WAIT))
            if count < self.attempts:
                self.wait(pause)
        raise WebhookFailed(f"{self.attempts} tries failed, the last with {problem}; {len(alerts)} alerts are lost")

    def _try(self, identity: str, body: bytes) -> tuple[int, float | None]:
        """One try: the status, and the seconds that the answer asks to wait."""
        headers = self._headers(identity, body)
        status, said, _ = exchange("POST", self.url.reveal(), headers, body=body, timeout=self.timeout)
        return status, parse_retry_after(said, "")

    def _headers(self, identity: str, body: bytes) -> dict[str, str]:
        at = int(time.time())
        return {
            "content-type": "application/json",
            "user-agent": "modelplug",
            "webhook-id": identity,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(self.secret, identity, at, body),
        }


def signature(secret: Secret, identity: str, at: int, body: bytes) -> str:
    """What a receiver checks: of this message, sent at this Unix time.

    A secret that begins with `whsec_` goes on in base64, as Standard Webhooks writes it; any other is used as it is.
    """
    text = secret.reveal()
    key = base64.b64decode(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else text.encode()
    signed = hmac.digest(key, f"{identity}.{at}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"

"""GitHub's webhooks: "REST API endpoints for repository webhooks", "... organization webhooks", and how they sign."""

import hmac
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from yarl import URL

from src.demo.forge.records import DeliveryRecord, Hook
from src.demo.forge.sending import Parcel, is_loopback
from src.demo.forge.server import Answer, Call, Handler
from src.demo.forge.state import Group, HookHome
from src.demo.github.access import Access, invalid, not_found, positive
from src.demo.github.shapes import stamp

Json = dict[str, Any]

# What a repository's webhook can listen for.
EVENTS = frozenset({
    "*", "branch_protection_configuration", "branch_protection_rule", "check_run", "check_suite",
    "code_scanning_alert", "commit_comment", "create", "delete", "dependabot_alert", "deploy_key", "deployment",
    "deployment_status", "discussion", "discussion_comment", "fork", "gollum", "issue_comment",
    "issue_dependencies", "issues", "label", "member", "merge_group", "meta", "milestone", "package", "page_build",
    "ping", "project", "project_card", "project_column", "public", "pull_request", "pull_request_review",
    "pull_request_review_comment", "pull_request_review_thread", "push", "registry_package", "release",
    "repository", "repository_advisory", "repository_import", "repository_ruleset",
    "repository_vulnerability_alert", "secret_scanning_alert", "secret_scanning_alert_location",
    "security_and_analysis", "star", "status", "sub_issues", "team_add", "watch", "workflow_dispatch",
    "workflow_job", "workflow_run",
})  # fmt: skip
MASK = "********"


class Hooks(Access):
    """Hooks and their deliveries."""

    def hook_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a repository and below an organisation."""
        one = r"/hooks/{hook:\d+}"
        return [
            ("GET", "/hooks", self._list_hooks), ("POST", "/hooks", self._create_hook), ("GET", one, self._get_hook),
            ("PATCH", one, self._update_hook), ("DELETE", one, self._delete_hook),
            ("GET", f"{one}/config", self._get_config), ("PATCH", f"{one}/config", self._update_config),
            ("POST", f"{one}/pings", self._ping),
            ("GET", f"{one}/deliveries", self._list_deliveries),
            ("GET", rf"{one}/deliveries/{{delivery:\d+}}", self._get_delivery),
            ("POST", rf"{one}/deliveries/{{delivery:\d+}}/attempts", self._attempt),
        ]  # fmt: skip

    def hook_test_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a repository only."""
        return [("POST", r"/hooks/{hook:\d+}/tests", self._test)]

    def switch_off_hook(self, path: str, hook_id: int) -> None:
        """Somebody unticks "Active"."""
        self.world.hook_home(path).hooks[hook_id].active = False

    # Deliveries: "Webhook events and payloads", section "Delivery headers"

    def listens(self, hook: Hook, event: str) -> bool:
        """By the event's word; a ping comes always."""
        return event in hook.events or "*" in hook.events or event == "ping"

    def may_receive(self, hook: Hook) -> bool:
        """GitHub never switches a hook off by itself."""
        return hook.active

    def pack(self, home: HookHome, hook: Hook, event: str, payload: Json) -> Parcel:
        """Headers and body as JSON or as a form."""
        text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        body = urlencode({"payload": text}).encode() if hook.form_encoded else text.encode()
        delivery_id = self.new_uuid("delivery")
        headers = {
            "Accept": "*/*", "User-Agent": "GitHub-Hookshot/a1b2c3d",
            "Content-Type": "application/x-www-form-urlencoded" if hook.form_encoded else "application/json",
            "X-GitHub-Delivery": delivery_id, "X-GitHub-Event": event, "X-GitHub-Hook-ID": str(hook.id),
            "X-GitHub-Hook-Installation-Target-ID": str(home.id),
            "X-GitHub-Hook-Installation-Target-Type": "organization" if isinstance(home, Group) else "repository",
        }  # fmt: skip
        if self._base_path:
            headers |= {"X-GitHub-Enterprise-Host": "127.0.0.1", "X-GitHub-Enterprise-Version": "3.20.0"}
        headers |= self.signatures(hook, delivery_id, body)
        action = payload.get("action")
        return Parcel(
            home=home, hook=hook, event=event, action=action, delivery_id=delivery_id, headers=headers, body=body
        )

    def signatures(self, hook: Hook, delivery_id: str, body: bytes) -> dict[str, str]:  # noqa: ARG002 - GitLab signs the id too
        """The old signature and the one to trust, over the bytes as they are sent."""
        if not hook.secret:
            return {}
        digests = (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256"))
        return {name: f"{how}={hmac.new(hook.secret.encode(), body, how).hexdigest()}" for name, how in digests}

    # Hooks

    def hook_shape(self, home: HookHome, hook: Hook) -> Json:
        """A hook; its secret is never shown."""
        is_group = isinstance(home, Group)
        base = f"{self.api_url}/orgs/{home.path}" if isinstance(home, Group) else self.shapes.repo_url(home)
        url = f"{base}/hooks/{hook.id}"
        return {
            "type": "Organization" if is_group else "Repository",
            "id": hook.id, "name": "web", "active": hook.active, "events": sorted(hook.events),
            "config": self._config(hook), "updated_at": hook.updated_at, "created_at": hook.created_at, "url": url,
            "ping_url": f"{url}/pings", "deliveries_url": f"{url}/deliveries",
            **({} if is_group else {"test_url": f"{url}/test", "last_response": self._last_response(hook)}),
        }  # fmt: skip

    def _last_response(self, hook: Hook) -> Json:
        """How the last delivery ended; organisation hooks do not tell."""
        code = hook.last_status
        if code is None and not (hook.failures and is_loopback(hook.url)):  # it was not sent
            return {"code": None, "status": "unused", "message": None}
        if code is None:
            return {"code": 502, "status": "failed to connect", "message": "failed to connect to host"}
        if 200 <= code < 300:
            return {"code": code, "status": "active", "message": "OK"}
        return {"code": code, "status": "misconfigured", "message": f"Invalid HTTP Response: {code}"}

    def _config(self, hook: Hook) -> Json:
        return {
            "content_type": "form" if hook.form_encoded else "json", "insecure_ssl": "0" if hook.verify_tls else "1",
            "url": hook.url, **({"secret": MASK} if hook.secret else {}),
        }  # fmt: skip

    def _home(self, call: Call) -> HookHome:
        return self.hooked_organization(call) if "org" in call.request.match_info else self.hooked_project(call)

    def _hook(self, call: Call) -> tuple[HookHome, Hook]:
        home = self._home(call)
        hook = home.hooks.get(int(call.part("hook")))
        if hook is None:
            raise not_found()
        return home, hook

    def _list_hooks(self, call: Call) -> Answer:
        home = self._home(call)
        return self.page(call, list(home.hooks.values()), lambda hook: self.hook_shape(home, hook))

    def _get_hook(self, call: Call) -> Answer:
        return Answer(self.hook_shape(*self._hook(call)))

    def _create_hook(self, call: Call) -> Answer:
        home = self._home(call)
        config = call.body.get("config")
        if not isinstance(config, dict):
            raise invalid("Hook", "config is missing", "config")
        if call.body.get("name", "web") != "web":
            raise invalid("Hook", "'name' must be 'web'", "name")
        now = stamp(self.world.now()) or ""
        hook = Hook(
            id=self.world.new_id("hook"), url="", events=frozenset({"push"}), form_encoded=True,
            created_at=now, updated_at=now,
        )  # fmt: skip
        self._set_config(home, hook, config)
        self._set_events(hook, call.body)
        self._leave_room(home, hook)
        home.hooks[hook.id] = hook
        self._send_ping(home, hook, call)
        return Answer(self.hook_shape(home, hook), status=201)

    def _set_config(self, home: HookHome, hook: Hook, config: Json) -> None:
        """Replace the whole configuration, as GitHub does: a secret that is not given is gone."""
        url = str(config.get("url") or "")
        if urlsplit(url).scheme not in ("http", "https"):
            raise invalid("Hook", "url is missing a scheme", "url")
        if any(other.url == url and other.id != hook.id for other in home.hooks.values()):
            where = "organization" if isinstance(home, Group) else "repository"
            raise invalid("Hook", f"Hook already exists on this {where}")
        hook.url = url
        hook.form_encoded = config.get("content_type", "form") != "json"
        hook.verify_tls = str(config.get("insecure_ssl", "0")) == "0"
        secret = config.get("secret")
        if secret != MASK:
            hook.secret = str(secret) if secret else None

    def _set_events(self, hook: Hook, body: Json) -> None:
        events = set(body.get("events", hook.events)) | set(body.get("add_events", ()))
        events -= set(body.get("remove_events", ()))
        unknown = sorted(events - EVENTS)
        if unknown or not events:
            raise invalid("Hook", f"Invalid events: {', '.join(unknown) or 'none given'}", "events")
        hook.events = frozenset(events)
        hook.active = bool(body.get("active", hook.active))

    def _leave_room(self, home: HookHome, hook: Hook) -> None:
        """At most twenty hooks may listen for one event."""
        for event in sorted(hook.events):
            if sum(1 for other in home.hooks.values() if event in other.events) >= 20:
                raise invalid("Hook", f'The "{event}" event cannot have more than 20 hooks')

    def _update_hook(self, call: Call) -> Answer:
        home, hook = self._hook(call)
        if "config" in call.body:
            self._set_config(home, hook, call.body["config"])
        self._set_events(hook, call.body)
        hook.updated_at = stamp(self.world.now()) or ""
        return Answer(self.hook_shape(home, hook))

    def _delete_hook(self, call: Call) -> Answer:
        home, hook = self._hook(call)
        del home.hooks[hook.id]
        return Answer(None)

    def _get_config(self, call: Call) -> Answer:
        return Answer(self._config(self._hook(call)[1]))

    def _update_config(self, call: Call) -> Answer:
        """Change only what is given, unlike the update of the hook itself."""
        home, hook = self._hook(call)
        self._set_config(home, hook, self._config(hook) | call.body)
        return Answer(self._config(hook))

    def _send_ping(self, home: HookHome, hook: Hook, call: Call) -> None:
        payload = {"zen": "Small things, done well.", "hook_id": hook.id, "hook": self.hook_shape(home, hook)}
        if isinstance(home, Group):
            payload |= {
                "organization": self.shapes.organization_of(home.path),
                "sender": self.shapes.user(call.login or home.path),
            }
        else:
            payload |= self.frame(home, call.login or home.owner)
        self.announce_to(home, hook, "ping", payload)

    def _ping(self, call: Call) -> Answer:
        home, hook = self._hook(call)
        self._send_ping(home, hook, call)
        return Answer(None)

    def _test(self, call: Call) -> Answer:
        """The latest push again, to hooks that listen for pushes."""
        project, hook = self.hooked_project(call), self._hook(call)[1]
        if self.listens(hook, "push"):
            sha, by = project.head, call.login or project.owner
            before = (project.commits[sha].parents or ("0" * 40,))[0]
            payload = self.push_payload(project, by, f"refs/heads/{project.default_branch}", before, sha, shas=[sha])
            self.announce_to(project, hook, "push", payload)
        return Answer(None)

    # The log of deliveries

    def _delivery_shape(self, record: DeliveryRecord, home: HookHome) -> Json:
        good = record.status is not None and 200 <= record.status < 300
        return {
            "id": record.number, "guid": record.delivery_id, "delivered_at": stamp(record.at), "duration": 0.1,
            "redelivery": record.redelivery, "status": "OK" if good else "Invalid HTTP Response",
            "status_code": record.status or 0, "event": record.event, "action": record.action, "installation_id": None,
            "repository_id": None if isinstance(home, Group) else home.id, "throttled_at": None,
        }  # fmt: skip

    def _list_deliveries(self, call: Call) -> Answer:
        """Page by cursor: the number of the delivery that a page begins with. There are no page numbers here."""
        home, hook = self._hook(call)
        if not self.keeps_log:
            raise not_found()
        size, first = positive(call.query("per_page"), 30, most=100), positive(call.query("cursor"), 10**9)
        kept = [record for record in home.deliveries.values() if record.hook_id == hook.id]
        records = [record for record in kept[::-1] if record.number <= first]
        link = {}
        if len(records) > size:
            address = URL(self.api_url + call.request.rel_url.raw_path.removeprefix(self._base_path), encoded=True)
            following = address.with_query({"per_page": size, "cursor": records[size].number})
            link = {"Link": f'<{following}>; rel="next"'}
        return Answer([self._delivery_shape(record, home) for record in records[:size]], headers=link)

    def _delivery(self, call: Call) -> tuple[HookHome, DeliveryRecord]:
        home, hook = self._hook(call)
        record = home.deliveries.get(int(call.part("delivery")))
        if record is None or record.hook_id != hook.id:
            raise not_found()
        return home, record

    def _get_delivery(self, call: Call) -> Answer:
        home, record = self._delivery(call)
        payload = json.loads(record.body) if record.body.startswith(b"{") else None
        return Answer(
            self._delivery_shape(record, home)
            | {
                "url": record.url, "request": {"headers": dict(record.headers), "payload": payload},
                "response": {"headers": {}, "payload": record.answer},
            }
        )  # fmt: skip

    def _attempt(self, call: Call) -> Answer:
        self.queue_again(self._delivery(call)[1])
        return Answer({}, status=202)

"""GitHub's webhooks: "REST API endpoints for repository webhooks", and how a delivery is packed and signed."""

import hmac
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from src.demo.forge.records import DeliveryRecord, Hook
from src.demo.forge.sending import Parcel
from src.demo.forge.server import Answer, Call, Handler
from src.demo.forge.state import Project
from src.demo.github.access import Access, invalid, not_found
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
        """Below a repository."""
        one = r"/hooks/{hook:\d+}"
        return [
            ("GET", "/hooks", self._list_hooks), ("POST", "/hooks", self._create_hook), ("GET", one, self._get_hook),
            ("PATCH", one, self._update_hook), ("DELETE", one, self._delete_hook),
            ("GET", f"{one}/config", self._get_config), ("PATCH", f"{one}/config", self._update_config),
            ("POST", f"{one}/pings", self._ping), ("POST", f"{one}/tests", self._test),
            ("GET", f"{one}/deliveries", self._list_deliveries),
            ("GET", rf"{one}/deliveries/{{delivery:\d+}}", self._get_delivery),
            ("POST", rf"{one}/deliveries/{{delivery:\d+}}/attempts", self._attempt),
        ]  # fmt: skip

    # Deliveries: "Webhook events and payloads", section "Delivery headers"

    def listens(self, hook: Hook, event: str) -> bool:
        """By the event's word; a ping comes always."""
        return event in hook.events or "*" in hook.events or event == "ping"

    def may_receive(self, hook: Hook) -> bool:
        """GitHub never switches a hook off by itself."""
        return hook.active

    def pack(self, project: Project, hook: Hook, event: str, payload: Json) -> Parcel:
        """Headers and body as JSON or as a form."""
        text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        body = urlencode({"payload": text}).encode() if hook.form_encoded else text.encode()
        delivery_id = self.new_uuid("delivery")
        headers = {
            "Accept": "*/*", "User-Agent": "GitHub-Hookshot/a1b2c3d",
            "Content-Type": "application/x-www-form-urlencoded" if hook.form_encoded else "application/json",
            "X-GitHub-Delivery": delivery_id, "X-GitHub-Event": event, "X-GitHub-Hook-ID": str(hook.id),
            "X-GitHub-Hook-Installation-Target-ID": str(project.id),
            "X-GitHub-Hook-Installation-Target-Type": "repository",
        }  # fmt: skip
        if self._base_path:
            headers |= {"X-GitHub-Enterprise-Host": "127.0.0.1", "X-GitHub-Enterprise-Version": "3.20.0"}
        headers |= self.signatures(hook, delivery_id, body)
        action = payload.get("action")
        return Parcel(
            project=project, hook=hook, event=event, action=action, delivery_id=delivery_id, headers=headers, body=body
        )

    def signatures(self, hook: Hook, delivery_id: str, body: bytes) -> dict[str, str]:  # noqa: ARG002 - GitLab signs the id too
        """The old signature and the one to trust, over the bytes as they are sent."""
        if not hook.secret:
            return {}
        digests = (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256"))
        return {name: f"{how}={hmac.new(hook.secret.encode(), body, how).hexdigest()}" for name, how in digests}

    # Hooks

    def hook_shape(self, project: Project, hook: Hook) -> Json:
        """A hook; its secret is never shown."""
        url = f"{self.shapes.repo_url(project)}/hooks/{hook.id}"
        words = {200: "active", None: "unused"}
        response = {"code": hook.last_status, "status": words.get(hook.last_status, "misconfigured"), "message": None}
        return {
            "type": "Repository", "id": hook.id, "name": "web", "active": hook.active, "events": sorted(hook.events),
            "config": self._config(hook), "updated_at": hook.updated_at, "created_at": hook.created_at, "url": url,
            "test_url": f"{url}/test", "ping_url": f"{url}/pings", "deliveries_url": f"{url}/deliveries",
            "last_response": response,
        }  # fmt: skip

    def _config(self, hook: Hook) -> Json:
        return {
            "content_type": "form" if hook.form_encoded else "json", "insecure_ssl": "0" if hook.verify_tls else "1",
            "url": hook.url, **({"secret": MASK} if hook.secret else {}),
        }  # fmt: skip

    def _hook(self, call: Call) -> tuple[Project, Hook]:
        project = self.hooked_project(call)
        hook = project.hooks.get(int(call.part("hook")))
        if hook is None:
            raise not_found()
        return project, hook

    def _list_hooks(self, call: Call) -> Answer:
        project = self.hooked_project(call)
        return self.page(call, list(project.hooks.values()), lambda hook: self.hook_shape(project, hook))

    def _get_hook(self, call: Call) -> Answer:
        return Answer(self.hook_shape(*self._hook(call)))

    def _create_hook(self, call: Call) -> Answer:
        project = self.hooked_project(call)
        config = call.body.get("config")
        if not isinstance(config, dict):
            raise invalid("Hook", "config is missing", "config")
        if call.body.get("name", "web") != "web":
            raise invalid("Hook", "'name' must be 'web'", "name")
        now = stamp(self.world.now()) or ""
        hook = Hook(
            id=self.world.new_id("hook"), project_id=project.id, url="", events=frozenset({"push"}), form_encoded=True,
            created_at=now, updated_at=now,
        )  # fmt: skip
        self._set_config(project, hook, config)
        self._set_events(hook, call.body)
        self._leave_room(project, hook)
        project.hooks[hook.id] = hook
        self._send_ping(project, hook, call)
        return Answer(self.hook_shape(project, hook), status=201)

    def _set_config(self, project: Project, hook: Hook, config: Json) -> None:
        """Replace the whole configuration, as GitHub does: a secret that is not given is gone."""
        url = str(config.get("url") or "")
        if urlsplit(url).scheme not in ("http", "https"):
            raise invalid("Hook", "url is missing a scheme", "url")
        if any(other.url == url and other.id != hook.id for other in project.hooks.values()):
            raise invalid("Hook", "Hook already exists on this repository")
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

    def _leave_room(self, project: Project, hook: Hook) -> None:
        """At most twenty hooks may listen for one event."""
        for event in sorted(hook.events):
            if sum(1 for other in project.hooks.values() if event in other.events) >= 20:
                raise invalid("Hook", f'The "{event}" event cannot have more than 20 hooks')

    def _update_hook(self, call: Call) -> Answer:
        project, hook = self._hook(call)
        if "config" in call.body:
            self._set_config(project, hook, call.body["config"])
        self._set_events(hook, call.body)
        hook.updated_at = stamp(self.world.now()) or ""
        return Answer(self.hook_shape(project, hook))

    def _delete_hook(self, call: Call) -> Answer:
        project, hook = self._hook(call)
        del project.hooks[hook.id]
        return Answer(None)

    def _get_config(self, call: Call) -> Answer:
        return Answer(self._config(self._hook(call)[1]))

    def _update_config(self, call: Call) -> Answer:
        """Change only what is given, unlike the update of the hook itself."""
        project, hook = self._hook(call)
        self._set_config(project, hook, self._config(hook) | call.body)
        return Answer(self._config(hook))

    def _send_ping(self, project: Project, hook: Hook, call: Call) -> None:
        payload = {"zen": "Small things, done well.", "hook_id": hook.id, "hook": self.hook_shape(project, hook)}
        self.announce(project, "ping", payload | self.frame(project, call.login or project.owner), only=hook)

    def _ping(self, call: Call) -> Answer:
        project, hook = self._hook(call)
        self._send_ping(project, hook, call)
        return Answer(None)

    def _test(self, call: Call) -> Answer:
        """The latest push again, to hooks that listen for pushes."""
        project, hook = self._hook(call)
        if self.listens(hook, "push"):
            sha, by = project.head, call.login or project.owner
            before = (project.commits[sha].parents or ("0" * 40,))[0]
            payload = self.push_payload(project, by, f"refs/heads/{project.default_branch}", before, sha, shas=[sha])
            self.announce(project, "push", payload, only=hook)
        return Answer(None)

    # The log of deliveries

    def _delivery_shape(self, record: DeliveryRecord, project: Project) -> Json:
        good = record.status is not None and 200 <= record.status < 300
        return {
            "id": record.number, "guid": record.delivery_id, "delivered_at": stamp(record.at), "duration": 0.1,
            "redelivery": record.redelivery, "status": "OK" if good else "Invalid HTTP Response",
            "status_code": record.status or 0, "event": record.event, "action": record.action, "installation_id": None,
            "repository_id": project.id, "throttled_at": None,
        }  # fmt: skip

    def _list_deliveries(self, call: Call) -> Answer:
        project, hook = self._hook(call)
        records = [record for record in project.deliveries.values() if record.hook_id == hook.id]
        return self.page(call, records[::-1], lambda record: self._delivery_shape(record, project))

    def _delivery(self, call: Call) -> tuple[Project, DeliveryRecord]:
        project, hook = self._hook(call)
        record = project.deliveries.get(int(call.part("delivery")))
        if record is None or record.hook_id != hook.id:
            raise not_found()
        return project, record

    def _get_delivery(self, call: Call) -> Answer:
        project, record = self._delivery(call)
        payload = json.loads(record.body) if record.body.startswith(b"{") else None
        return Answer(
            self._delivery_shape(record, project)
            | {
                "url": record.url, "request": {"headers": dict(record.headers), "payload": payload},
                "response": {"headers": {}, "payload": record.answer},
            }
        )  # fmt: skip

    def _attempt(self, call: Call) -> Answer:
        self.queue_again(self._delivery(call)[1])
        return Answer({}, status=202)

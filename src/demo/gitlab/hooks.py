"""GitLab's webhooks: "Project webhooks API", "Group webhooks API", how they are packed, when they are switched off."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from src.demo.forge.records import DeliveryRecord, Hook
from src.demo.forge.sending import Parcel
from src.demo.forge.server import Answer, ApiError, Call, Handler
from src.demo.forge.state import NO_COMMIT, Group, HookHome, Project
from src.demo.gitlab.access import Access, not_found, refusal
from src.demo.gitlab.shapes import iso

Json = dict[str, Any]

# Which switch of a hook lets each kind of delivery through.
SWITCHES = {
    "Push Hook": "push_events", "Tag Push Hook": "tag_push_events", "Issue Hook": "issues_events",
    "Confidential Issue Hook": "confidential_issues_events", "Note Hook": "note_events",
    "Confidential Note Hook": "confidential_note_events", "Merge Request Hook": "merge_requests_events",
    "Wiki Page Hook": "wiki_page_events", "Pipeline Hook": "pipeline_events", "Job Hook": "job_events",
    "Deployment Hook": "deployment_events", "Release Hook": "releases_events",
}  # fmt: skip
ALL_SWITCHES = (
    *SWITCHES.values(), "feature_flag_events", "emoji_events", "milestone_events", "resource_access_token_events",
    "vulnerability_events", "repository_update_events",
)  # fmt: skip
GROUP_SWITCHES = ("subgroup_events", "project_events", "member_events")  # what hooks of groups have besides
HEADERS = {switch: header for header, switch in SWITCHES.items()}
TRIGGERS = {header: switch.removesuffix("_events") + "_hooks" for header, switch in SWITCHES.items()}
PATIENCE = 4  # failures in a row until a hook is switched off for a while
END_OF_PATIENCE = 40  # until it is switched off for good
RESENDS = 5  # a minute: "Resend a project webhook event"


class Hooks(Access):
    """Hooks and their deliveries."""

    switches_off = True  # False: as where an administrator has switched auto-disabling off
    resends_a_minute: int | None = RESENDS  # None: as where an administrator has lifted the limit
    _resends: dict[tuple[int, str | None], list[datetime]]

    def hook_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a project and below a group."""
        one = r"/hooks/{hook:\d+}"
        return [
            ("GET", "/hooks", self._list_hooks), ("POST", "/hooks", self._create_hook), ("GET", one, self._get_hook),
            ("PUT", one, self._update_hook), ("DELETE", one, self._delete_hook),
            ("POST", f"{one}/test/{{trigger}}", self._test), ("GET", f"{one}/events", self._list_deliveries),
            ("POST", rf"{one}/events/{{event:\d+}}/resend", self._resend),
        ]  # fmt: skip

    # Deliveries: "Webhooks", section "Delivery headers"

    def listens(self, hook: Hook, event: str) -> bool:
        """By the switch that belongs to the kind of delivery."""
        return SWITCHES[event] in hook.events

    def may_receive(self, hook: Hook) -> bool:
        """Not while the hook is switched off for failing."""
        if hook.alert_status == "disabled":
            return False
        return hook.disabled_until is None or hook.disabled_until <= self.world.now()

    def settle(self, hook: Hook, status: int | None) -> None:
        """Switch a hook off that failed too often: "Auto-disabled webhooks"; a success switches it on again."""
        super().settle(hook, status)
        hook.alert_status, hook.disabled_until = "executable", None
        if not self.switches_off:
            return
        if hook.failures >= END_OF_PATIENCE:
            hook.alert_status = "disabled"
        elif hook.failures >= PATIENCE:
            hook.alert_status = "temporarily_disabled"
            pause = timedelta(minutes=min(2 ** (hook.failures - PATIENCE), 24 * 60))
            hook.disabled_until = self.world.now() + pause

    def switch_off_hook(self, path: str, hook_id: int) -> None:
        """As after too many failures: for good, until a test succeeds."""
        hook = self.world.hook_home(path).hooks[hook_id]
        hook.failures, hook.alert_status, hook.disabled_until = END_OF_PATIENCE, "disabled", None

    def pack(self, home: HookHome, hook: Hook, event: str, payload: Json) -> Parcel:
        """Headers and body."""
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        delivery_id = self.new_uuid("delivery")
        headers = {
            "Content-Type": "application/json", "User-Agent": "GitLab/18.6.0", "X-Gitlab-Event": event,
            "X-Gitlab-Webhook-UUID": hook.uuid, "X-Gitlab-Instance": self.url, "Idempotency-Key": delivery_id,
            "X-Gitlab-Event-UUID": self.new_uuid("event"), "Accept": "*/*",
        }  # fmt: skip
        headers |= self.signatures(hook, delivery_id, body)
        action = payload.get("object_attributes", {}).get("action", payload.get("action"))
        return Parcel(
            home=home, hook=hook, event=event, action=action, delivery_id=delivery_id, headers=headers, body=body
        )

    def signatures(self, hook: Hook, delivery_id: str, body: bytes) -> dict[str, str]:
        """The secret in clear; with a signing token the headers of Standard Webhooks too."""
        headers = {"X-Gitlab-Token": hook.secret} if hook.secret else {}
        if hook.signing_token is None:
            return headers
        stamp = str(int(self.world.now().timestamp()))
        key = base64.b64decode(hook.signing_token.removeprefix("whsec_"))
        digest = hmac.new(key, f"{delivery_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return headers | {"webhook-id": delivery_id, "webhook-timestamp": stamp, "webhook-signature": signature}

    # Hooks

    def hook_shape(self, home: HookHome, hook: Hook) -> Json:
        """A hook; its tokens are never shown."""
        self._wake(hook)
        return {
            "id": hook.id, "url": hook.url, "name": None, "description": None,
            ("group_id" if isinstance(home, Group) else "project_id"): home.id,
            "created_at": hook.created_at, "push_events_branch_filter": "", "branch_filter_strategy": "wildcard",
            "enable_ssl_verification": hook.verify_tls, "alert_status": hook.alert_status,
            "disabled_until": iso(hook.disabled_until), "url_variables": [], "custom_webhook_template": None,
            "custom_headers": [], **{switch: switch in hook.events for switch in switches_of(home)},
        }  # fmt: skip

    def _wake(self, hook: Hook) -> None:
        if hook.disabled_until is not None and hook.disabled_until <= self.world.now():
            hook.alert_status, hook.disabled_until = "executable", None

    def _hook(self, call: Call) -> tuple[HookHome, Hook]:
        home = self.hook_home(call)
        hook = home.hooks.get(int(call.part("hook")))
        if hook is None:
            raise not_found()
        return home, hook

    def _list_hooks(self, call: Call) -> Answer:
        home = self.hook_home(call)
        return self.page(call, list(home.hooks.values()), lambda hook: self.hook_shape(home, hook))

    def _get_hook(self, call: Call) -> Answer:
        return Answer(self.hook_shape(*self._hook(call)))

    def _create_hook(self, call: Call) -> Answer:
        """A new hook listens for pushes unless told not to."""
        home = self.hook_home(call)
        hook = Hook(
            id=self.world.new_id("hook"), url="", events=frozenset({"push_events"}),
            created_at=iso(self.world.now()) or "", uuid=self.new_uuid("hook"),
        )  # fmt: skip
        self._set(home, hook, call.body)
        home.hooks[hook.id] = hook
        return Answer(self.hook_shape(home, hook), status=201)

    def _update_hook(self, call: Call) -> Answer:
        home, hook = self._hook(call)
        self._set(home, hook, call.body)
        return Answer(self.hook_shape(home, hook))

    def _set(self, home: HookHome, hook: Hook, body: Json) -> None:
        """What is given; a new address takes the old secret away, as on GitLab."""
        if "url" not in body:
            raise ApiError(400, {"error": "url is missing"})
        url = str(body["url"])
        if urlsplit(url).scheme not in ("http", "https"):
            raise ApiError(422, {"error": "Invalid url given"})
        if hook.url not in ("", url):
            hook.secret = hook.signing_token = None
        hook.url = url
        if "token" in body:
            hook.secret = str(body["token"]) if body["token"] else None
        if "signing_token" in body:
            hook.signing_token = str(body["signing_token"]) if body["signing_token"] else None
        hook.verify_tls = truth(body.get("enable_ssl_verification", hook.verify_tls))
        on = {switch for switch in switches_of(home) if truth(body.get(switch, switch in hook.events))}
        hook.events = frozenset(on)

    def _delete_hook(self, call: Call) -> Answer:
        home, hook = self._hook(call)
        del home.hooks[hook.id]
        return Answer(None)

    # Tests

    async def _test(self, call: Call) -> Answer:
        """Deliver a sample and say how it went; unlike other deliveries it comes before the answer."""
        home, hook = self._hook(call)
        trigger, by = call.part("trigger"), self.me(call).login
        sample = self._samples().get(trigger)
        if sample is None:
            raise ApiError(400, {"error": "trigger does not have a valid value"})
        where, project = ("project", home) if isinstance(home, Project) else ("group", self._first_of(home))
        payload = sample(project, by) if project is not None else None
        if payload is None:
            raise ApiError(422, {"message": f"Ensure the {where} has something for {trigger}."})
        record = await self.send_now(home, hook, HEADERS[trigger], payload)
        if record.status is None or not 200 <= record.status < 300:
            raise ApiError(422, {"message": f"Hook execution failed: {record.status or record.answer}"})
        return Answer({"message": "201 Created"}, status=201)

    def _first_of(self, group: Group) -> Project | None:
        """A group's test is made from its first project."""
        return next(iter(self.world.projects_in(group)), None)

    def _samples(self) -> dict[str, Callable[[Project, str], Json | None]]:
        """The latest thing of each kind; an issue or merge request without an action."""
        return {
            "push_events": self._push_sample,
            "tag_push_events": lambda project, by: self.shapes.push(
                project, by, "refs/tags/v1.0.0", NO_COMMIT, project.head, [project.head]
            ),
            "issues_events": lambda project, by: self._issue_sample(project, by, confidential=False),
            "confidential_issues_events": lambda project, by: self._issue_sample(project, by, confidential=True),
            "note_events": self._note_sample,
            "confidential_note_events": self._note_sample,
            "merge_requests_events": lambda project, by: next(
                (self.pull_payload(project, pull, by, None, {}) for pull in project.pulls.values()), None
            ),
            "pipeline_events": lambda project, _: next(
                (self.shapes.pipeline_payload(project, run) for run in reversed(project.runs.values())), None
            ),
            "job_events": lambda project, _: next(
                (self.shapes.job_payload(project, run, run.jobs[0]) for run in project.runs.values()), None
            ),
            "wiki_page_events": lambda project, by: next(
                (self.shapes.wiki_payload(project, by, "create", *page) for page in project.wiki.items()), None
            ),
            "releases_events": lambda project, _: next(
                (self.shapes.release_payload(project, r, "create") for r in project.releases.values()), None
            ),
            "deployment_events": lambda project, _: next(
                (self.shapes.deployment_payload(project, d) for d in project.deployments.values()), None
            ),
        }

    def _push_sample(self, project: Project, by: str) -> Json:
        sha = project.head
        before = (project.commits[sha].parents or (NO_COMMIT,))[0]
        return self.shapes.push(project, by, f"refs/heads/{project.default_branch}", before, sha, [sha])

    def _issue_sample(self, project: Project, by: str, *, confidential: bool) -> Json | None:
        issues = (issue for issue in project.issues.values() if issue.confidential == confidential)
        return next((self.issue_payload(project, issue, by, None, {}) for issue in issues), None)

    def _note_sample(self, project: Project, by: str) -> Json | None:
        return next((self.note_payload(project, c, by, "create") for c in project.comments.values()), None)

    # The log of deliveries

    def _delivery_shape(self, record: DeliveryRecord) -> Json:
        return {
            "id": record.number, "url": record.url, "trigger": TRIGGERS[record.event],
            "request_headers": {k: v for k, v in record.headers.items() if k != "X-Gitlab-Token"},
            "request_data": json.loads(record.body), "response_headers": {}, "response_body": record.answer,
            "execution_duration": 0.1, "response_status": str(record.status or "internal error"),
        }  # fmt: skip

    def _list_deliveries(self, call: Call) -> Answer:
        home, hook = self._hook(call)
        if not self.keeps_log:
            raise not_found()
        records = [record for record in home.deliveries.values() if record.hook_id == hook.id]
        return self.page(call, records[::-1], self._delivery_shape)

    async def _resend(self, call: Call) -> Answer:
        home, hook = self._hook(call)
        record = home.deliveries.get(int(call.part("event")))
        self._count_resend(home, call)
        if record is None or record.hook_id != hook.id or not self.keeps_log:
            raise not_found()
        if record.url != hook.url:
            raise refusal(422, "The hook URL has changed, and this log entry cannot be retried")
        if not self.may_receive(hook):
            raise refusal(422, "Hook disabled")
        again = await self.redeliver(record)
        if again.status is None:
            raise refusal(422, "Hook execution failed")
        return Answer({"response_status": again.status}, status=201)

    def _count_resend(self, home: HookHome, call: Call) -> None:
        """So many a minute for each project or group and person."""
        now, key = self.world.now(), (id(home), call.login)
        lately = [moment for moment in self._resends.get(key, ()) if now - moment < timedelta(minutes=1)]
        if self.resends_a_minute is not None and len(lately) >= self.resends_a_minute:
            body = {"message": {"error": "This endpoint has been requested too many times. Try again later."}}
            raise ApiError(429, body)
        self._resends[key] = [*lately, now]


def switches_of(home: HookHome) -> tuple[str, ...]:
    """The events that a hook of this project or group may have."""
    return (*ALL_SWITCHES, *GROUP_SWITCHES) if isinstance(home, Group) else ALL_SWITCHES


def truth(value: object) -> bool:
    """A boolean of a JSON body or a form."""
    return value is True or str(value).lower() in ("true", "1", "yes", "on")

"""What the relay counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Counters of one process, in a registry of its own so that tests do not share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "git_assistant_webhook_requests",
            "Webhook requests by answer.",
            ["forge", "status"],
            registry=self.registry,
        )
        self.bad_signatures = Counter(
            "git_assistant_bad_signatures",
            "Deliveries refused for their signature.",
            ["forge"],
            registry=self.registry,
        )
        self.slow_requests = Counter(
            "git_assistant_slow_requests",
            "Connections that were cut because a request did not come in.",
            registry=self.registry,
        )
        self.surplus_connections = Counter(
            "git_assistant_surplus_connections",
            "Connections beyond the most that are kept open: idle ones were closed for them, or they were refused.",
            registry=self.registry,
        )
        self.deliveries = Counter(
            "git_assistant_deliveries",
            "Deliveries worked off, by outcome.",
            ["forge", "outcome"],
            registry=self.registry,
        )
        self.unknown_events = Counter(
            "git_assistant_unknown_events",
            "Deliveries of events never heard of.",
            ["forge"],
            registry=self.registry,
        )
        self.messages = Counter(
            "git_assistant_messages",
            "What was sent to Telegram, by outcome; a digest is one.",
            ["outcome"],
            registry=self.registry,
        )
        self.commit_size = Histogram(
            "git_assistant_inbox_commit_deliveries",
            "Deliveries stored in one commit.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self.latency = Histogram(
            "git_assistant_delivery_seconds",
            "From a delivery's arrival to its messages standing in the outbox.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
            registry=self.registry,
        )
        self.waiting = Gauge(
            "git_assistant_waiting", "Rows that wait, by table and state.", ["table", "state"], registry=self.registry
        )
        self.oldest = Gauge(
            "git_assistant_oldest_seconds",
            "How long the oldest of the rows that wait has been there; of jobs, since when it could have been done.",
            ["table", "state"],
            registry=self.registry,
        )
        self.size = Gauge(
            "git_assistant_database_bytes", "How many bytes the database takes on the disk.", registry=self.registry
        )
        self._answers: dict[tuple[str, int], Counter] = {}

    def answered(self, forge: str, status: int) -> None:
        """Count a webhook request; looking up its counter costs more than counting."""
        counter = self._answers.get((forge, status))
        if counter is None:
            counter = self._answers[forge, status] = self.requests.labels(forge, status)
        counter.inc()

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)

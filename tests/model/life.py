"""What Zekt promises, written down a second time and as plainly as it goes: a model without I/O.

It follows docs/lifecycle.md and docs/protocol.md, and shares no code with what it is held against. Each method is
one thing that happens, with what the broker made of it; it says so when that was wrong, and remembers the rest.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from model.github import Reply
from model.nouns import ENDED, Attempt, Delivery, Message, Subscriber

EARLY = timedelta(milliseconds=50)
LEASE = timedelta(seconds=60)
CONFIRM_TIMEOUT = timedelta(minutes=30)
COMPLETE_TIMEOUT = timedelta(hours=6)
MOST_LOST = 9
LADDER = [timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 7200, 18_000, 36_000)]


@dataclass
class Life:
    """Everything that has happened, in the order it did."""

    subscribers: dict[str, Subscriber]
    workflows: dict[int, str] = field(default_factory=dict)
    """Each provider's run, and its workflow."""
    messages: dict[object, Message] = field(default_factory=dict)
    events: dict[tuple[int, int], str] = field(default_factory=dict)
    """(run, attempt) of a provider that has ended, and its conclusion."""
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    blocked: dict[int, datetime] = field(default_factory=dict)
    """Installations that GitHub told to wait."""
    heard: set[tuple[int, int]] = field(default_factory=set)

    # Correlation.

    def message_arrives(
        self, identity: object, message: Message, told: tuple[str, int], ids: list[str], now: datetime
    ) -> None:
        """`told`: the event id and the number of consumers in the receipt; `ids`: deliveries made of it."""
        if (before := self.messages.get(identity)) is not None:
            assert told == (before.event_id, before.notified), "a message again has its first receipt"
            return
        ends = sorted(a for run, a in self.events if run == message.run and a >= message.attempt)
        recipients = self._recipients(message.run, None) if not ends else []
        self.messages[identity] = message
        for attempt in ends:
            names = self._recipients(message.run, self.events[message.run, attempt])
            recipients += [n for n in names if n not in recipients and message in self._owed(n, message.run, attempt)]
        assert told[1] == len(recipients), f"it was to be for {recipients}"
        message.event_id, message.notified = told
        if ends:
            self._deliver([(name, message) for name in recipients], message.run, ids, now, late=True)

    def event_arrives(self, run: int, attempt: int, conclusion: str, ids: list[str], now: datetime) -> None:
        if (run, attempt) in self.events:
            assert ids == [], "the same end of a run again has no effect"
            return
        self.events[run, attempt] = conclusion
        wanted: list[tuple[str, Message | None]] = []
        for name in self._recipients(run, conclusion):
            wanted += [(name, message) for message in self._owed(name, run, attempt)] or [(name, None)]
        self._deliver(wanted, run, ids, now, late=False)

    def _recipients(self, run: int, conclusion: str | None) -> list[str]:
        workflow = self.workflows[run]
        return [
            name
            for name, s in self.subscribers.items()
            if s.approved and s.workflow == workflow and (None in (conclusion, s.only) or s.only == conclusion)
        ]

    def _owed(self, name: str, run: int, attempt: int) -> list[Message]:
        """What this attempt and earlier ones sent, each sender's newest, unless this subscriber has been given it."""
        if self.subscribers[name].metadata_only:
            return []
        sent = [m for m in self.messages.values() if m.run == run and m.attempt <= attempt]
        newest = {m.sender: m.attempt for m in sorted(sent, key=lambda m: m.attempt)}
        owed = [m for m in sent if m.attempt == newest[m.sender] and name not in m.carried_to]
        return sorted(owed, key=lambda m: m.attempt)

    def _deliver(
        self, wanted: list[tuple[str, Message | None]], run: int, ids: list[str], now: datetime, *, late: bool
    ) -> None:
        assert len(ids) == len(wanted), f"{len(ids)} deliveries were made, but these are owed: {wanted}"
        for (name, message), made in zip(wanted, ids, strict=True):
            if message is not None:
                message.carried_to.add(name)
            self._create(made, name, run, message.event_id if message else None, now, late=late)

    def _create(
        self,
        made: str,
        name: str,
        run: int,
        message: str | None,
        now: datetime,
        *,
        late: bool,
        replay_of: str | None = None,
    ) -> None:
        subscriber = self.subscribers[name]
        slot = max(now, self.blocked.get(subscriber.installation, now))
        self.deliveries[made] = Delivery(made, name, run, message, late, replay_of, subscriber.durable, slot)

    def replayed(self, old: str, made: str | None, now: datetime) -> None:
        """`made` is None where it was refused."""
        delivery = self.deliveries[old]
        assert (made is not None) == self.subscribers[delivery.to].approved, "a replay needs an approved subscription"
        if made is not None:
            self._create(made, delivery.to, delivery.run, delivery.message, now, late=delivery.late, replay_of=old)

    # From pending to dispatched.

    def wakes(self, delivery_id: str, job: int, asked: int | None, wait: timedelta | None, now: datetime) -> None:
        """A job looked at the delivery: it began attempt number `asked`, or it is to come again after `wait`."""
        d = self.deliveries[delivery_id]
        subscriber = self.subscribers[d.to]
        running = d.open_attempt
        if d.status != "pending":
            assert (asked, wait) == (None, None), "nothing is owed"
            if running is not None and running.job == job:
                running.lose()
            return
        early = d.due is not None and d.due > now + EARLY
        if early and (running is None or running.job != job):
            assert asked is None, "it is too early, or an attempt is under way"
            assert wait is not None
            return
        if running is not None:
            running.lose()
            if sum(attempt.category == "lost" for attempt in d.attempts) >= MOST_LOST:
                assert (asked, wait) == (None, None), "its workers died too often"
                d.become("failed", "refused")
                return
        blocked = self.blocked.get(subscriber.installation, now)
        if not subscriber.approved:
            assert (asked, wait) == (None, None), "it was revoked"
            d.become("failed", "refused")
        elif blocked > now:
            assert asked is None, "its installation must wait"
            assert wait == blocked - now
            d.due = blocked
        else:
            d.attempts.append(Attempt(job))
            d.due = now + LEASE
            assert asked == len(d.attempts), f"attempt {len(d.attempts)} is owed, and was told {asked}, {wait}"

    def asked(self, delivery_id: str, reply: Reply) -> None:
        """GitHub got the request, whatever it says of it."""
        self.deliveries[delivery_id].arrived += reply.arrives

    def hears(self, delivery_id: str, number: int, reply: Reply, now: datetime) -> None:
        """The answer to that attempt was heard, however late."""
        d = self.deliveries[delivery_id]
        attempt = d.attempts[number - 1]
        if attempt.category in (None, "lost"):
            attempt.ambiguous = reply.ambiguous or attempt.category == "lost"
            attempt.category, attempt.accepted, attempt.heard_at = reply.category, reply.accepted, now
        installation = self.subscribers[d.to].installation
        if reply.limited:
            self.blocked[installation] = max(now + reply.retry_after, self.blocked.get(installation, now))
        if d.status != "pending":
            d.dispatches = d.dispatches or int(reply.accepted)
        elif reply.accepted:
            d.dispatches, d.tries = d.dispatches + 1, 0
            d.become("dispatched", "accepted", due=now + CONFIRM_TIMEOUT if d.durable else None)
        elif number == len(d.attempts):
            d.tries += not reply.limited
            if reply.permanent or not d.tries_left or (reply.limited and d.limited_too_long(now)):
                d.become("failed", "refused")
            else:
                d.facts.append("postponed")
                d.due = now + (reply.retry_after if reply.limited else LADDER[d.tries - 1])

    # What the consumer says.

    def find(self, repository: str, run: int, correlation: int, delivery_id: str | None) -> Delivery | None:
        """The delivery that a consumer's run speaks of; None: it has no such delivery."""
        seen = [
            d
            for d in self.deliveries.values()
            if self.subscribers[d.to].repository == repository and d.run == correlation and d.attempts
        ]
        if delivery_id is not None:
            return next((d for d in seen if d.id == delivery_id), None)
        mine = [d for d in seen if d.confirmed_by and d.confirmed_by[0] == run]
        free = [d for d in seen if d.confirmed_by is None and d.status in ("pending", "dispatched")]
        return next((group[-1] for group in (mine, free, seen) if group), None)

    def confirmed(self, d: Delivery, run: int, attempt: int, now: datetime) -> tuple[bool, bool]:
        """(changed, duplicate)."""
        if not d.durable:
            return False, False
        if d.confirmed_by is not None:
            return False, d.confirmed_by[0] != run
        if d.status in ENDED:
            return False, False
        d.confirmed_by = (run, attempt)
        d.become("confirmed", "confirmed", due=now + COMPLETE_TIMEOUT)
        return True, False

    def completed(self, d: Delivery, run: int, attempt: int, *, success: bool) -> tuple[bool, bool]:
        """(changed, duplicate)."""
        if not d.durable or d.status in ENDED:
            return False, False
        if d.confirmed_by is not None and d.confirmed_by[0] != run:
            return False, True
        if d.status != "confirmed":
            d.confirmed_by = (run, attempt)
            d.facts.append("confirmed")
        self._end(d, success=success)
        return True, False

    def consumer_run_ended(self, repository: str, run: int, attempt: int, conclusion: str, ended: int) -> None:
        """`ended`: how many deliveries the broker says that this has ended."""
        mine = [
            d
            for d in self.deliveries.values()
            if d.status == "confirmed" and d.confirmed_by and d.confirmed_by[0] == run and d.confirmed_by[1] <= attempt
        ]
        first = (run, attempt) not in self.heard
        self.heard.add((run, attempt))
        mine = [d for d in mine if first and self.subscribers[d.to].repository == repository]
        assert ended == len(mine)
        for d in mine:
            self._end(d, success=conclusion == "success")

    def _end(self, d: Delivery, *, success: bool) -> None:
        d.become("completed" if success else "failed", "completed" if success else "run_failed")

    # What nobody woke up for.

    def swept(self, queued: set[str], told: tuple[int, int, int], now: datetime) -> None:
        """`queued`: the keys of live jobs; `told`: how many were unheard, are settling, were armed again."""
        unheard = [d for d in self.deliveries.values() if d.status == "dispatched" and d.due and d.due <= now]
        settling = [d for d in self.deliveries.values() if d.status == "confirmed" and d.due and d.due <= now]
        pending = [d for d in self.deliveries.values() if d.status == "pending" and _key(d) not in queued]
        lost = [d for d in pending if d.due and d.due <= now - timedelta(seconds=5)]
        assert told == (len(unheard), len(settling), len(lost))
        for d in unheard:
            if d.dispatches >= self.subscribers[d.to].dispatches:
                d.become("failed", "given_up")
            else:
                d.become("pending", "unheard", due=now)
                d.tries = 0
        for d in settling:
            d.due = now + timedelta(minutes=2)

    def settled(self, delivery_id: str, answer: str, attempt: int, now: datetime) -> None:
        """GitHub was asked how the run stands: its conclusion, `going`, `gone`, `refused` or `down`."""
        d = self.deliveries[delivery_id]
        if d.status != "confirmed" or answer == "down":
            return
        if answer in ("gone", "refused"):
            d.become("failed", "overdue")
        elif answer == "going" or (d.confirmed_by and attempt < d.confirmed_by[1]):
            d.due = now + timedelta(minutes=10)
        else:
            self._end(d, success=answer == "success")


def _key(d: Delivery) -> str:
    """A job serves one round of one delivery."""
    return f"deliver:{d.id}:{d.dispatches}"

"""Make the directory what a setup file says: all of it in one transaction, or nothing. Idempotent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from zekt_backend.errors import ZektError
from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.setup import AccountPart, RepositoryPart, SetupFile, SubscriptionPart, WorkflowPart
from zekt_backend.store import accounts, directory_changes, service_schemas, setup
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.directory_changes import Change


@dataclass(frozen=True, slots=True)
class Identity:
    """How GitHub knows a repository; no installation means that the app is not installed there."""

    repository_id: int
    installation_id: int | None
    owner_id: int | None = None
    """None: GitHub was not asked."""


_WANTED = ("requested", "approved")
"""Subscriptions of which the consumer's repository is enabled as one, unless the file says otherwise."""

Identify = Callable[[str], Identity]
"""owner/name → its ids, asked of GitHub. Raises ZektError when GitHub does not know it or does not answer."""


@dataclass(frozen=True, slots=True)
class Applied:
    accounts: int
    repositories: int
    workflows: int
    services: int
    subscriptions: int
    approved: tuple[str, ...]
    """The connections that were not approved before, as `SERVICE-SLUG@OWNER/REPO`."""
    changes: tuple[Change, ...]
    """Every row that is new, or other than it was."""


async def apply_setup(
    file: SetupFile, *, actor: str, now: datetime, db: Database, identify: Identify, dry_run: bool = False
) -> Applied:
    """Write it down, and each row that is new or changed into the audit trail; as a dry run, undo all of it.

    Raises:
        ZektError: `setup_invalid` when a subscription names a service or consumer that is nowhere; what
            `identify` raises. Nothing is written then.
    """
    identities = identities_of(file, identify)

    async def work(tx: Tx) -> tuple[list[SubscriptionPart], list[Change]]:
        then = await directory_changes.begin(tx)
        approved = await write(tx, file, identities)
        changes = await directory_changes.since(tx, then)
        for change in changes:
            await directory_changes.tell(tx, change, actor=actor, now=now)
        return approved, changes

    approved, changes = await db.run(work, undo=dry_run)
    workflows = [workflow for _, part in _repositories(file) for workflow in part.workflows]
    return Applied(
        accounts=len(file.accounts),
        repositories=len(identities),
        workflows=len(workflows),
        services=sum(1 for workflow in workflows if workflow.service),
        subscriptions=len(file.subscriptions),
        approved=tuple(f"{part.service}@{part.consumer}" for part in approved),
        changes=tuple(changes),
    )


def identities_of(file: SetupFile, identify: Identify) -> dict[str, Identity]:
    """Of every repository in the file, by its name there; `identify` is asked where the file does not say."""
    return {name: _identity(name, part, identify) for name, part in _repositories(file)}


async def write(tx: Tx, file: SetupFile, identities: dict[str, Identity]) -> list[SubscriptionPart]:
    """All of it, in the caller's transaction. Returns what is approved now and was not before."""
    for account in file.accounts:
        await _account(tx, account, identities)
    inferred = {part.consumer.lower() for part in file.subscriptions if part.status in _WANTED}
    inferred -= {name.lower() for name, part in _repositories(file) if part.consumer is not None}
    approved = [part for part in file.subscriptions if await _subscription(tx, part)]
    await setup.consumers(tx, sorted(inferred))
    await accounts.infer(tx)
    return approved


def needs_github(file: SetupFile) -> bool:
    """Whether any repository is named without both its ids."""
    return any(part.id is None or part.installation_id is None for _, part in _repositories(file))


def _repositories(file: SetupFile) -> list[tuple[str, RepositoryPart]]:
    return [(f"{account.login}/{part.name}", part) for account in file.accounts for part in account.repositories]


def _identity(full_name: str, part: RepositoryPart, identify: Identify) -> Identity:
    if part.id is not None and part.installation_id is not None:
        return Identity(part.id, part.installation_id)
    found = identify(full_name)
    if part.id not in (None, found.repository_id):
        raise ZektError(
            "setup_invalid",
            f"accounts: {full_name} has the id {part.id} here and {found.repository_id} at GitHub. Usually it was"
            " deleted and made anew: leave the id out to trust the new one.",
        )
    return Identity(found.repository_id, part.installation_id or found.installation_id, found.owner_id)


async def _owner(tx: Tx, account: AccountPart, account_id: int, owner_ids: set[int]) -> None:
    """The account is whom GitHub says the repositories belong to; which is learned where it is not known yet."""
    for owner_id in owner_ids:
        held = await accounts.github_id(tx, account_id)
        if held != owner_id and not await accounts.identify(tx, account_id, owner_id):
            raise ZektError(
                "setup_invalid",
                f"accounts: {account.login} has the id {owner_id} at GitHub, and here"
                f" {held or 'that is the id of another account'}. The login was given up, and taken by another owner,"
                " who gets an account of their own when they install the app: apply the file a minute after that.",
            )


async def _account(tx: Tx, account: AccountPart, identities: dict[str, Identity]) -> None:
    asked = [identities[f"{account.login}/{part.name}"].owner_id for part in account.repositories]
    owner_ids = {owner_id for owner_id in asked if owner_id is not None}
    await setup.rename(tx, account.login, owner_ids)
    account_id = await setup.account(
        tx,
        account.login,
        provider=account.persona in ("provider", "both"),
        consumer=account.persona in ("consumer", "both"),
    )
    await _owner(tx, account, account_id, owner_ids)
    for part in account.repositories:
        identity = identities[f"{account.login}/{part.name}"]
        await setup.repository(
            tx,
            id=identity.repository_id,
            account_id=account_id,
            installation_id=identity.installation_id,
            full_name=f"{account.login}/{part.name}",
            enabled=part.enabled,
            provider=(True if part.workflows else None) if part.provider is None else part.provider,
            consumer=part.consumer,
            completion_tracking=part.completion_tracking,
            allow_pull_request_target=part.allow_pull_request_target,
        )
        if identity.owner_id is not None:
            await setup.found_again(tx, identity.repository_id)
        for workflow in part.workflows:
            await _workflow(tx, identity.repository_id, workflow)


async def _workflow(tx: Tx, repository_id: int, workflow: WorkflowPart) -> None:
    workflow_id = await setup.workflow(
        tx, repository_id=repository_id, path=workflow.path, whitelisted=workflow.whitelisted
    )
    if (service := workflow.service) is not None:
        service_id = await setup.service(
            tx,
            workflow_id=workflow_id,
            slug=service.slug,
            alias=service.alias or service.slug,
            event_type=service.event_type,
            metadata_only=service.metadata_only,
            hide_provider=service.hide_provider,
            description=service.description,
            tags=service.tags,
            visibility=service.visibility,
            guard=service.guard,
            retired=service.retired,
        )
        if service.says_schema:
            await _schema(tx, service_id, service.schema_text)


async def _schema(tx: Tx, service_id: int, text: str | None) -> None:
    version = None if text is None else await service_schemas.keep(tx, service_id, text, actor=OPERATOR)
    await service_schemas.choose(tx, service_id, version)


async def _subscription(tx: Tx, part: SubscriptionPart) -> bool:
    """Whether it is approved now and was not before."""
    service_id = await setup.service_id(tx, part.service)
    if service_id is None:
        raise ZektError("setup_invalid", f"subscriptions: no service has the slug {part.service}.")
    repository_id = await setup.repository_id(tx, part.consumer)
    if repository_id is None:
        raise ZektError("setup_invalid", f"subscriptions: the consumer {part.consumer} is not among the repositories.")
    before = await setup.subscription_status(tx, service_id=service_id, repository_id=repository_id)
    await setup.subscription(
        tx,
        service_id=service_id,
        repository_id=repository_id,
        status=part.status,
        note=part.note,
        durable=part.durable,
        conclusions=list(part.conclusions) if part.conclusions else None,
        confirm_timeout=part.confirm_timeout,
        complete_timeout=part.complete_timeout,
        max_dispatches=part.max_dispatches,
        branches=list(part.branches) if part.branches else None,
        event_types=list(part.event_types) if part.event_types else None,
    )
    return part.status == "approved" != before

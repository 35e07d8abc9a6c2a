"""The redaction guard: finds credentials in a message's strings, and takes them out. Runs in a process of its own.

The detectors are those of detect-secrets: of the libraries that read a string in memory it is the one that is kept
(Yelp, Apache-2.0, releases since 2017); trufflehog and gitleaks are programs, whispers and trufflehog3 read files and
have stood still for years. Its way of asking the issuers whether a credential works is never used: nothing here calls
anybody.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from zekt_action import strict_json
from zekt_backend.rules import json_strings
from zekt_backend.rules.json_strings import Text


class GitHubFineGrainedTokenDetector(RegexBasedDetector):
    """Which detect-secrets does not know; https://github.blog/changelog/2022-10-18-introducing-fine-grained-tokens."""

    secret_type = "GitHub Fine-Grained Token"  # noqa: S105 — a name
    denylist = (re.compile(r"github_pat_[A-Za-z0-9_]{22,255}"),)


class ZektTokenDetector(RegexBasedDetector):
    """Our own API tokens."""

    secret_type = "Zekt API Token"  # noqa: S105 — a name
    denylist = (re.compile(r"zekt_[A-Za-z0-9_-]{43}"),)


class AwsSecretKeyDetector(RegexBasedDetector):
    """By the name it is given, in the middle of a text too: alone, it is any 40 characters."""

    secret_type = "AWS Secret Access Key"  # noqa: S105 — a name
    denylist = (
        re.compile(
            r"""secret[_-]?access[_-]?key[\\"']{0,2}\s{0,8}[:=>]{1,2}\s{0,8}[\\"']{0,2}([A-Z0-9/+]{40})(?![A-Z0-9/+=])""",
            re.IGNORECASE | re.ASCII,
        ),
    )


class GitHubBasicHeaderDetector(RegexBasedDetector):
    """As actions/checkout leaves it in git's settings: `x-access-token:` and the token, in base64."""

    secret_type = "GitHub Basic Header"  # noqa: S105 — a name
    denylist = (re.compile(r"eC1hY2Nlc3MtdG9rZW46[A-Za-z0-9+/_-]{16,}"),)


class AnthropicDetector(RegexBasedDetector):
    """`sk-ant-api03-…` and its like."""

    secret_type = "Anthropic API Key"  # noqa: S105 — a name
    denylist = (re.compile(r"(?<![A-Za-z0-9])sk-ant-[a-z]{2,12}[0-9]{2}-[A-Za-z0-9_-]{40,200}"),)


class GoogleDetector(RegexBasedDetector):
    """Standing by itself: somewhere in a long base64 there is anything."""

    secret_type = "Google API Key"  # noqa: S105 — a name
    denylist = (re.compile(r"(?<![0-9A-Za-z_-])AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),)


# Left out, since each refuses ordinary messages: high entropy (digests, commit ids), keywords (any value named
# `password`), public addresses, IBM Cloud IAM (any 44 characters named `key`), Telegram (the end of an AWS ARN). Of
# 5,230 JSON files of Python's packages, those that stay find something in two: AWS's own example keys.
DETECTORS = tuple(
    detector()
    for detector in (
        GitHubTokenDetector, GitHubFineGrainedTokenDetector, ZektTokenDetector, GitLabTokenDetector, AWSKeyDetector,
        AzureStorageKeyDetector, PrivateKeyDetector, JwtTokenDetector, BasicAuthDetector, SlackDetector, NpmDetector,
        PypiTokenDetector, StripeDetector, OpenAIDetector, SendGridDetector, DiscordBotTokenDetector,
        TwilioKeyDetector, MailchimpDetector, SquareOAuthDetector, ArtifactoryDetector,
        CloudantDetector, IbmCosHmacDetector, SoftlayerDetector, AwsSecretKeyDetector, GitHubBasicHeaderDetector,
        AnthropicDetector, GoogleDetector,
    )
)  # fmt: skip

NEEDED: dict[type, re.Pattern[str]] = {
    AnthropicDetector: re.compile(r"sk-ant-"),
    ArtifactoryDetector: re.compile(r"akc|ap[0-9a-f]"),
    AwsSecretKeyDetector: re.compile(r"secret[_-]?access[_-]?key"),
    CloudantDetector: re.compile(r"cl(?:ou)?(?:dant)?[_-]*(?:api)?[_-]*(?:key|pw|pass|token)|cloudant.com"),
    GitHubBasicHeaderDetector: re.compile(r"ec1hy2nlc3mtdg9rzw46"),
    GoogleDetector: re.compile(r"aiza"),
    IbmCosHmacDetector: re.compile(r"secret"),
    # Not where it begins: `eyJ` or `sk-` again and again is no token, and slow to say so.
    JwtTokenDetector: re.compile(r"(?<![a-z0-9_=-])(?=[a-z0-9_=-]++\.[a-z0-9_=-])[a-z0-9_=-]*?eyj"),
    MailchimpDetector: re.compile(r"-us[0-9]"),
    OpenAIDetector: re.compile(r"t3blbkfj"),
    SoftlayerDetector: re.compile(r"s(?:l|oftlayer)[_-]*(?:api)?[_-]*(?:key|pwd|pass|token)|softlayer.com"),
}
"""What the small letters of a text have wherever this detector finds something: its own patterns are slow to say no."""

_WORD_AFTER = re.compile(r"[A-Za-z0-9_\-.+/=~]*")
_WORD_BEFORE = re.compile(r"[A-Za-z0-9_\-]*$")
_DASHES_BEFORE = re.compile(r"-*$")
_END_OF_KEY = re.compile(r"END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-*|Private-MAC:.*")


MOST_PLACES = 20
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A credential: where, and of what kind (`aws-access-key`). Never what it is."""

    pointer: str
    kind: str


@dataclass(frozen=True, slots=True)
class Scan:
    places: tuple[Place, ...]
    """The first of them, at most `MOST_PLACES`."""
    count: int
    redacted: str | None
    """The document without them; None where that cannot be had, since a part of one may stand elsewhere."""


@dataclass(frozen=True, slots=True)
class _Cut:
    start: int
    end: int
    kind: str
    whole: bool


def scan(document: str) -> Scan:
    """Search every key and string of a document that is strict JSON."""
    found = _search(document)
    if found.redacted is None or not found.count:
        return found
    try:
        # What is kept must be a message still: no key twice, not too large; and nothing may be left in it.
        left = _search(found.redacted).count
    except strict_json.JsonRefused:
        left = 1
    return replace(found, redacted=None) if left else found


def kind_of(detector: RegexBasedDetector) -> str:
    return str(detector.secret_type).lower().replace(" ", "-")


def _search(document: str) -> Scan:
    blob = "\n".join(json_strings.lines(strict_json.parse(document.encode())))
    small = blob.lower()
    alarmed = [detector for detector in DETECTORS if _may_find(detector, blob, small)]
    if not alarmed:
        return Scan((), 0, document)
    places: list[Place] = []
    kept: list[str] = []
    count, done, sure = 0, 0, True
    for text in json_strings.texts(document):
        cuts = list(_cuts(text, alarmed))
        if not cuts:
            continue
        if count < MOST_PLACES:
            places += [Place(_shown(text.path, alarmed), cut.kind) for cut in cuts]
        count += len(cuts)
        sure = sure and all(cut.whole for cut in cuts)
        number = f" {count}" if text.is_key else ""  # Two keys of one object must not become the same.
        marks = [(cut.start, cut.end, f"[redacted: {cut.kind}{number}]") for cut in cuts]
        kept += [document[done : text.start], json_strings.replaced(document[text.start : text.end], marks)]
        done = text.end
    return Scan(tuple(places[:MOST_PLACES]), count, "".join([*kept, document[done:]]) if sure else None)


def _may_find(detector: RegexBasedDetector, blob: str, small: str) -> bool:
    """Whether any line may hold something: what a line alone has, the lines together have too."""
    needed = NEEDED.get(type(detector))
    if needed is not None and not needed.search(small):
        return False
    return any(pattern.search(blob) for pattern in detector.denylist)


def _cuts(text: Text, detectors: Sequence[RegexBasedDetector]) -> Iterator[_Cut]:
    """The parts of one string to take out, in order and apart from each other."""
    line = json_strings.line(text.name, text.value)
    shift = len(line) - 1 - len(text.value)
    found = sorted(
        (cut for detector in detectors for cut in _found(detector, line, text.value, shift)),
        key=lambda cut: (cut.start, -cut.end),
    )
    last: _Cut | None = None
    for cut in found:
        if last is not None and cut.start < last.end:
            last = _Cut(last.start, max(last.end, cut.end), last.kind, last.whole and cut.whole)
            continue
        if last is not None:
            yield last
        last = cut
    if last is not None:
        yield last


def _found(detector: RegexBasedDetector, line: str, value: str, shift: int) -> Iterator[_Cut]:
    said = set(detector.analyze_string(line))
    if not said:
        return
    for pattern in detector.denylist:
        for match in pattern.finditer(line):
            # The detector has the last word: of what looks like a JWT it says only those that are one.
            if said.isdisjoint((match[0], *match.groups())):
                continue
            start, end = max(match.start() - shift, 0), min(match.end() - shift, len(value))
            if start < end:
                yield _widened(detector, value, start, end)


def _widened(detector: RegexBasedDetector, value: str, start: int, end: int) -> _Cut:
    """A pattern knows a credential by its beginning; all of it goes."""
    kind = kind_of(detector)
    if isinstance(detector, PrivateKeyDetector):
        closing = _END_OF_KEY.search(value, end)
        return _Cut(
            _before(_DASHES_BEFORE, value, start), closing.end() if closing else len(value), kind, closing is not None
        )
    if value[end - 1].isalnum() or value[end - 1] in "_-.+/=~":
        after = _WORD_AFTER.match(value, end)
        end = after.end() if after else end
    if value[start].isalnum():
        start = _before(_WORD_BEFORE, value, start)
    return _Cut(start, end, kind, True)


def _before(pattern: re.Pattern[str], value: str, start: int) -> int:
    # At most so far back: the search begins anew at each character.
    back = max(0, start - 512)
    found = pattern.search(value[back:start])
    return back + found.start() if found else start


def _shown(path: tuple[str | int, ...], detectors: Sequence[RegexBasedDetector]) -> str:
    """The pointer, in which a key that is a credential itself is not told."""
    parts = tuple(_harmless(part, detectors) if isinstance(part, str) else part for part in path)
    return json_strings.pointer(parts)[:_MOST_SHOWN]


def _harmless(key: str, detectors: Sequence[RegexBasedDetector]) -> str:
    cuts = _cuts(Text((), True, None, key, 0, len(key)), detectors)
    out, done = [], 0
    for cut in cuts:
        out += [key[done : cut.start], f"[redacted: {cut.kind}]"]
        done = cut.end
    return "".join([*out, key[done:]])

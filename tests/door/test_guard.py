"""The redaction guard by itself: what it finds, what it leaves alone, and what it takes out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from door.conftest import FAKE, Examiners
from zekt_action import strict_json
from zekt_backend.door import guard
from zekt_backend.rules import json_strings

KINDS = sorted(FAKE)


def scan(document: Any) -> guard.Scan:
    return guard.scan(document if isinstance(document, str) else json.dumps(document))


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_is_found_in_a_value_with_its_place_and_kind(kind: str) -> None:
    found = scan({"deep": [{"er": f"before {FAKE[kind]} after"}]})
    assert [(place.pointer, place.kind) for place in found.places] == [("/deep/0/er", kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_credential_is_left_after_it_is_taken_out(kind: str) -> None:
    found = scan({"deep": [{"er": f"before {FAKE[kind]} after"}, "other"]})
    assert found.redacted is not None
    kept = json.loads(found.redacted)["deep"]
    assert kept == [{"er": f"before [redacted: {kind}] after"}, "other"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "key" not in kind or kind == "aws-access-key"])
def test_a_key_that_is_a_credential_is_found_taken_out_and_never_told(kind: str) -> None:
    found = scan({FAKE[kind]: {"under": FAKE[kind]}})
    assert {place.kind for place in found.places} == {kind}
    assert all(FAKE[kind] not in place.pointer for place in found.places)
    assert found.redacted is not None
    assert FAKE[kind] not in found.redacted


def test_two_keys_that_are_credentials_remain_two() -> None:
    one, other = FAKE["github-token"], "ghp_" + "Qq2wE8rT" * 4 + "zzzz"
    found = scan({one: 1, other: 2})
    assert found.redacted is not None
    assert sorted(strict_json.parse(found.redacted.encode()).values()) == [1, 2]


def test_escaped_characters_hide_nothing() -> None:
    secret = FAKE["aws-access-key"]
    hidden = f'{{"k": "x \\u{ord(secret[0]):04x}{secret[1:]} \\n\\u00e9\\ud83d\\ude00 y", "\\/": [1.0, 1e5]}}'
    found = scan(hidden)
    assert found.redacted == '{"k": "x [redacted: aws-access-key] \\n\\u00e9\\ud83d\\ude00 y", "\\/": [1.0, 1e5]}'


def test_a_secret_access_key_is_known_by_the_name_it_is_given() -> None:
    found = scan({"aws_secret_access_key": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab", "x": "a" * 40})
    assert [(place.pointer, place.kind) for place in found.places] == [("/aws_secret_access_key", "aws-access-key")]


@pytest.mark.parametrize(
    "written",
    [
        "export AWS_SECRET_ACCESS_KEY='{}'",
        "aws_secret_access_key = {}\nregion = eu-west-1",
        '{{"SecretAccessKey": "{}"}}',
        '{{\\"secretAccessKey\\": \\"{}\\"}}',
        "<SecretAccessKey>{}</SecretAccessKey>",
    ],
)
def test_a_secret_access_key_goes_from_a_text_however_it_is_written(written: str) -> None:
    secret = "kT7/pQ2x+Rm9" * 3 + "Zv4L"
    found = scan([f"AKIA{'QZ7RT2MX' * 2} {written.format(secret)}"])
    assert found.count == 2
    assert found.redacted is not None
    assert secret[:12] not in found.redacted


@pytest.mark.parametrize("name", ["secretAccessKey", "SecretAccessKey", "secret_access_key"])
def test_a_secret_access_key_is_known_by_other_names_too(name: str) -> None:
    found = scan({name: "kT7/pQ2x+Rm9" * 3 + "Zv4L"})
    assert found.redacted == f'{{"{name}": "[redacted: aws-secret-access-key]"}}'


def test_the_header_that_checkout_leaves_is_found() -> None:
    header = FAKE["github-basic-header"]
    found = scan({"http.https://github.com/.extraheader": f"AUTHORIZATION: basic {header}"})
    assert found.redacted is not None
    assert found.redacted.endswith('"AUTHORIZATION: basic [redacted: github-basic-header]"}')


def test_a_token_goes_to_its_end_though_its_pattern_knows_only_the_beginning() -> None:
    long = "ghs_" + "A1" * 18 + ".eyJx-y_z.more-of_it"
    found = scan([f"Bearer {long}, please"])
    assert found.redacted == '["Bearer [redacted: github-token], please"]'


def test_a_private_key_in_several_strings_cannot_be_taken_out() -> None:
    found = scan(FAKE["private-key"].split("\n"))
    assert found.count == 1
    assert found.redacted is None


def test_a_key_file_of_putty_cannot_be_taken_out_of_several_strings() -> None:
    assert scan(["PuTTY-User-Key-File-2: ssh-rsa", "Private-Lines: 1", "AAAA"]).redacted is None


def test_only_the_first_places_are_kept_and_all_are_counted() -> None:
    found = scan([FAKE["github-token"]] * 100)
    assert (found.count, len(found.places)) == (100, guard.MOST_PLACES)
    assert found.redacted is not None
    assert json.loads(found.redacted) == ["[redacted: github-token]"] * 100


@pytest.mark.parametrize(
    "ordinary",
    [
        {"sha": "0f" * 20, "digest": "sha256:" + "ab" * 32, "image": "ghcr.io/x/y@sha256:" + "cd" * 32},
        {"password": None, "secretName": "db", "api_key": "${{ secrets.KEY }}", "token": ""},
        {"url": "https://example.com:8443/a?b=c@d", "mail": "a@example.com", "ip": "93.184.216.34"},
        {"key": "a" * 44, "version": "1.2.3-us-east-1", "class": "APACHE", "text": "eyJ is how a token begins"},
        {"topic": "arn:aws:sns:eu-west-1:012345678901:" + "orders-of-the-shop-team-in-production-2026"},
        {"secretAccessKey": "${{ secrets.AWS_SECRET_ACCESS_KEY }}", "secret_access_key": "ab" * 32},
        [
            "task-ant-colony-01-" + "walks-" * 12,
            "QUJD" + "AIza" + "a" * 60,
            "AIza",
            "Authorization: Basic dXNlcjpub25l",
        ],
        ["BEGIN CERTIFICATE", "-----BEGIN PUBLIC KEY-----"],
    ],
)
def test_what_is_ordinary_is_left_alone(ordinary: Any) -> None:
    assert scan(ordinary).count == 0


@pytest.mark.parametrize("detector", guard.DETECTORS, ids=lambda d: str(d.secret_type))
def test_no_detector_is_skipped_where_it_would_find_something(detector: Any) -> None:
    """The quick look that spares slow patterns: whatever they match has what it looks for."""
    needed = guard.NEEDED.get(type(detector))
    if needed is None:
        return

    @given(st.one_of(*(st.from_regex(pattern, alphabet=st.characters(codec="ascii")) for pattern in detector.denylist)))
    @settings(max_examples=60, derandomize=True)
    def holds(text: str) -> None:
        assert any(pattern.search(text) for pattern in detector.denylist)
        assert needed.search(text.lower())

    holds()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from([FAKE[kind] for kind in KINDS]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.booleans(), st.sampled_from([None, 1, "\t"]))
@settings(max_examples=150, derandomize=True)
def test_everything_else_stays_byte_for_byte(value: Any, escaped: bool, indent: Any) -> None:
    document = json.dumps(value, ensure_ascii=escaped, indent=indent)
    found = guard.scan(document)
    assert found.redacted is not None
    was, now = list(json_strings.texts(document)), list(json_strings.texts(found.redacted))
    assert len(was) == len(now)
    at, then = 0, 0
    for old, new in zip(was, now, strict=True):
        assert document[at : old.start] == found.redacted[then : new.start]
        if old.value not in FAKE.values():
            assert document[old.start : old.end] == found.redacted[new.start : new.end]
        assert not any(secret in new.value for secret in FAKE.values())
        at, then = old.end, new.end
    assert document[at:] == found.redacted[then:]


@given(JSON, st.booleans())
@settings(max_examples=150, derandomize=True)
def test_every_string_is_where_it_is_said_to_be(value: Any, escaped: bool) -> None:
    document = json.dumps(value, ensure_ascii=escaped)
    for text in json_strings.texts(document):
        assert json.loads(f'"{document[text.start : text.end]}"') == text.value
        here = value
        for part in text.path[: -1 if text.is_key else None]:
            here = here[part]
        assert text.value in here if text.is_key else here == text.value


@pytest.mark.parametrize("beginning", ["eyJ", "sk-", "eyJ-sk-", "sk-ant-", "AIza", "eC1hY2Nlc3MtdG9rZW46"])
def test_the_beginning_of_a_token_again_and_again_takes_no_time(examiners: Examiners, beginning: str) -> None:
    for document in (beginning * (510_000 // len(beginning)), beginning * (500_000 // len(beginning)) + "."):
        assert examiners.message(document, "refuse").failed == ""


def test_a_half_megabyte_is_examined_and_redacted(examiners: Examiners, fake: dict[str, str]) -> None:
    items = [{"id": f"{number:032x}", "note": "ordinary words of a message"} for number in range(6200)]
    items[6000]["note"] = f"see {fake['slack-token']}"
    document = json.dumps(items).encode()
    assert 450_000 < len(document) < 524_288
    found = examiners.message(document, "redact")
    assert found.found == ({"pointer": "/6000/note", "kind": "slack-token"},)
    assert found.redacted == document.replace(fake["slack-token"].encode(), b"[redacted: slack-token]")

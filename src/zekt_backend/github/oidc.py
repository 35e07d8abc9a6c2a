"""Verify a GitHub Actions OIDC token: signature, issuer, audience, times, then claims.

Nothing of a token is believed before its signature is verified; until then names say `unverified_`. The token's
text is in no error and no log.
"""

from collections.abc import Sequence
from typing import Any

import jwt
from jwt.types import Options

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.github import claims
from zekt_backend.github.jwks import IssuerKeys
from zekt_backend.rules.answers import printable
from zekt_backend.rules.records import SignedClaims

ALGORITHM = "RS256"
"""The only one GitHub signs with. A list of one also ends `none` and HS256-with-the-public-key."""

LEEWAY = 5.0
"""Seconds by which two clocks may differ. Tokens live 300 s and are valid 10 minutes before their issue."""

MAX_TOKEN = 16_384
"""Longest token that is read, in characters. GitHub's have about 2,000."""

_YEAR_10000 = 253_402_300_800
"""Seconds; no calendar of ours goes further. Infinity and NaN are not below it either."""

# Everything off: only to find out which key and which checks the token asks for.
_UNVERIFIED: Options = {
    "verify_signature": False,
    "require": [],
    "strict_aud": False,
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
    "enforce_minimum_key_length": False,
}
# PyJWT reads the system's clock, ours is an argument: so the times are checked by `_check_times`, and off here.
_VERIFIED: Options = {
    "verify_signature": True,
    "require": list(claims.CHECKED),
    "strict_aud": True,
    "verify_aud": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": True,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
    "enforce_minimum_key_length": True,
}


class Verifier:
    """Verifies tokens of the configured issuers. One per process; all its methods belong to one event loop.

    Args:
        issuers: exact `iss` values, without a slash at the end.
        audience: the one audience that is accepted.
        clock: tells the time that tokens and key caches are held against.
        timeout: seconds to wait for an issuer's keys.
    """

    def __init__(self, *, issuers: Sequence[str], audience: str, clock: Clock, timeout: float = 5.0) -> None:
        self._audience = audience
        self._clock = clock
        self._keys = {issuer: IssuerKeys(issuer, clock=clock, timeout=timeout) for issuer in issuers}

    async def verify(self, token: str) -> SignedClaims:
        """The token's claims, once everything about it is verified.

        Raises:
            ZektError: `token_malformed`, `token_algorithm`, `token_issuer`, `token_unknown_key`, `token_signature`,
                `token_audience`, `token_expired`, `token_not_yet_valid`, `token_claims`; or `issuer_unreachable`.
        """
        issuer, kid = self._unverified_signer(token)
        key = await self._keys[issuer].find(kid)
        if key is None:
            raise ZektError(
                "token_unknown_key",
                f"The issuer {issuer} has no key of the id that the token names. Fetch a fresh token and try again.",
            )
        verified = self._decode(token, key, issuer)
        self._check_times(verified)
        return claims.read(verified)

    def _unverified_signer(self, token: str) -> tuple[str, str]:
        """Which configured issuer, and which of its keys, the token says it was signed by."""
        unverified = _unverified_parts(token)
        unverified_header, unverified_claims = unverified["header"], unverified["payload"]
        if unverified_header.get("alg") != ALGORITHM:
            raise ZektError("token_algorithm", f"Only tokens signed with {ALGORITHM} are accepted, as GitHub's are.")
        issuer = unverified_claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self._keys:
            raise ZektError(
                "token_issuer",
                f"The token is not from {' or '.join(self._keys)}. Runs of another GitHub (Enterprise Server, or with"
                " data residency) have an issuer of their own: whoever runs this Zekt adds it to ZEKT_OIDC_ISSUER.",
            )
        kid = unverified_header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise ZektError("token_unknown_key", "The token does not name its signing key (`kid`).")
        return issuer, kid

    def _decode(self, token: str, key: jwt.PyJWK, issuer: str) -> dict[str, Any]:
        """The claims, with signature, issuer and audience verified."""
        try:
            return jwt.decode(
                token, key, algorithms=[ALGORITHM], options=_VERIFIED, audience=self._audience, issuer=issuer
            )
        except jwt.InvalidSignatureError:
            why = ZektError(
                "token_signature", "The token was not signed by its issuer, or was changed on its way here."
            )
        except (jwt.InvalidAudienceError, jwt.MissingRequiredClaimError) as error:
            why = self._claim_error(error)
        except jwt.PyJWTError as error:
            why = ZektError("token_malformed", f"The token cannot be verified ({type(error).__name__}).")
        # PyJWT's exceptions may carry pieces of the token, so they are not kept as the cause.
        raise why

    def _claim_error(self, error: jwt.InvalidAudienceError | jwt.MissingRequiredClaimError) -> ZektError:
        if isinstance(error, jwt.MissingRequiredClaimError) and error.claim != "aud":
            return ZektError("token_claims", f"The claim {error.claim} is missing, so the token cannot be trusted.")
        return ZektError(
            "token_audience",
            f"The token was made for another audience; this Zekt expects {self._audience!r}. In the workflow, write"
            f" `audience: {printable(self._audience)}` under the action's `with:`, or leave it out where that is the"
            " default.",
        )

    def _check_times(self, verified: dict[str, Any]) -> None:
        now = self._clock.now().timestamp()
        expires, not_before, issued = (_seconds(verified, name) for name in ("exp", "nbf", "iat"))
        if expires + LEEWAY <= now:
            raise ZektError(
                "token_expired",
                f"The token expired {now - expires:.0f} seconds ago. GitHub's live 300 seconds: fetch one just before"
                " each call. If it is fresh, one of the two clocks is wrong.",
            )
        if max(not_before, issued) - LEEWAY > now:
            raise ZektError(
                "token_not_yet_valid",
                f"The token becomes valid in {max(not_before, issued) - now:.0f} seconds: one of the clocks is wrong.",
            )


def _unverified_parts(token: str) -> dict[str, Any]:
    """Header and claims of a token that nothing is known about yet."""
    if len(token) <= MAX_TOKEN and token.isascii():
        try:
            return jwt.decode_complete(token, options=_UNVERIFIED)
        except jwt.PyJWTError:
            pass  # Raised anew below, without the library's words: they may repeat the token's.
    raise ZektError(
        "token_malformed",
        "The bearer token is no JSON Web Token. Send the `value` of the runner's answer to"
        " ACTIONS_ID_TOKEN_REQUEST_URL, not a personal access token and not GITHUB_TOKEN.",
    )


def _seconds(verified: dict[str, Any], name: str) -> float:
    """A NumericDate: https://www.rfc-editor.org/rfc/rfc7519#section-2 ."""
    value = verified[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _YEAR_10000:
        raise ZektError("token_claims", f"The claim {name} is not a number of seconds.")
    return float(value)

"""docs/onboarding.md says the same to those who send requests and to those who give commands."""

from onboarding import recipe


def test_each_step_that_has_one_has_the_other() -> None:
    kinds: dict[tuple[str, str], set[str]] = {}
    for block in recipe.blocks():
        if block.kind in ("http", "sh"):
            kinds.setdefault((block.part, block.step), set()).add(block.kind)
    assert [step for step, found in kinds.items() if found != {"http", "sh"}] == []
    assert len(kinds) >= 10

"""Another GitHub than github.com: all that names one is a setting."""

import ast
from pathlib import Path

from zekt_backend.settings import Settings

NAMED_ANYWAY = ("docs.github.com", "github.com/zekt-dev-org/", "HOST/api/v3")
"""GitHub's documentation; ours; and advice that names github.com beside an Enterprise Server."""


def _texts(path: Path) -> list[str]:
    """Every string of a program but its docstrings."""
    tree = ast.parse(path.read_text())
    spoken = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken
    ]


def test_nothing_but_a_settings_default_names_github_com(root: Path) -> None:
    named = {
        (path.name, text)
        for path in (root / "src/zekt_backend").rglob("*.py")
        for text in _texts(path)
        if "github.com" in text and not any(known in text for known in NAMED_ANYWAY)
    }
    assert named == {("settings.py", "https://api.github.com"), ("settings.py", "https://github.com")}


def test_that_check_sees_a_name_in_the_middle_of_a_text(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text('"""docs of github.com"""\nurl = f"https://github.com/{1}"\n')
    assert _texts(program) == ["https://github.com/"]


def test_an_enterprise_server_is_three_settings() -> None:
    server = "https://ghes.example"
    chosen = Settings(
        github_url=f"{server}/", github_api_url=f"{server}/api/v3", oidc_issuer=(f"{server}/_services/token",)
    )
    assert (chosen.github_url, chosen.github_api_url) == (server, f"{server}/api/v3")
    assert "github.com" not in str(chosen.model_dump(include={"github_url", "github_api_url", "oidc_issuer"}))

"""Secrets come from the environment, else from files, and never show themselves."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from entrepot.adapters.embedded.secrets import LocalSecrets
from entrepot.kernel.errors import SystemError_, UsageError


def test_environment_before_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable wins over the file; a rotated file is seen at once."""
    (tmp_path / "shop").mkdir()
    file = tmp_path / "shop" / "webhook-key"
    file.write_text("from file\n")
    file.chmod(0o600)
    secrets = LocalSecrets(tmp_path)
    assert secrets.get("shop", "webhook-key").reveal() == "from file"
    file.write_text("rotated")
    assert secrets.get("shop", "webhook-key").equals("rotated")
    monkeypatch.setenv("ENTREPOT_SECRET_SHOP_WEBHOOK_KEY", "from environment")
    assert secrets.get("shop", "webhook-key").reveal() == "from environment"


def test_missing_and_open_ones_are_refused(tmp_path: Path) -> None:
    """What is missing names both places; a file that everybody may read, and names that leave the folder, are refused."""
    secrets = LocalSecrets(tmp_path)
    with pytest.raises(SystemError_, match=r"ENTREPOT_SECRET_SHOP_TOKEN.*shop/token"):
        secrets.get("shop", "token")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "token").write_text("hidden")
    (tmp_path / "shop" / "token").chmod(0o644)
    with pytest.raises(SystemError_, match="everybody") as caught:
        secrets.get("shop", "token")
    assert "hidden" not in str(caught.value)
    with pytest.raises(UsageError):
        secrets.get("..", "state.db")


def test_a_secret_never_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither text, nor repr, nor pickle holds the value."""
    monkeypatch.setenv("ENTREPOT_SECRET_A_B", "very hidden")
    secret = LocalSecrets(tmp_path).get("a", "b")
    assert "hidden" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)

"""Files that settings name or stand in, and the secrets in them."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from boxwatch.errors import SettingError


def read_file(file: Path, what: str) -> bytes:
    """All of `file`; `what` names it in the error.

    Raises:
        SettingError: it cannot be read.

    """
    try:
        return file.read_bytes()
    except OSError as failure:
        raise SettingError(
            f"{what}: {str(file)!r} cannot be read: {failure.strerror}.",
            hint="Give the path of a file you may read.",
        ) from None


def secret(token: SecretStr | None, file: Path | None, where: str) -> str | None:
    """A token from its variable or its file; None where there is neither.

    Raises:
        SettingError: the file cannot be read or is empty.

    """
    if token is not None:
        return token.get_secret_value()
    if file is None:
        return None
    text = read_file(file, f"{where}token_file").decode("utf-8", "replace").strip()
    if not text:
        raise SettingError(f"{where}token_file: {str(file)!r} is empty.")
    return text

"""Write a `.env` with fresh secrets for a server on this machine. Never touches a file that exists.

python -m botbalance.first_run [FILE]
"""

import os
import secrets
import sys
from pathlib import Path

from cryptography.fernet import Fernet

LOCAL_ENV = """\
# Written by `make run` for a server on this machine. Everything it can hold is explained in .env.example.
SECRET_KEY={secret_key}
FERNET_KEYS={fernet_key}
EXCHANGE_ENV=mock
HTTPS=false
SERVE_STATIC_FROM_SOURCE=true
LOG_LEVEL=WARNING
"""


def write_env(path: Path) -> bool:
    """Create `path`, readable by its owner only, with new secrets; True when it was created."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(LOCAL_ENV.format(secret_key=secrets.token_urlsafe(48), fernet_key=Fernet.generate_key().decode()))
    return True


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ".env")
    print(f"Wrote {target} with fresh secrets." if write_env(target) else f"{target} exists already; left as it is.")

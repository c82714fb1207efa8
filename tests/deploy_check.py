"""`manage.py check --deploy` with production settings, no warning tolerated.

python -m tests.deploy_check
"""

import os
import secrets
import subprocess
import sys
import tempfile

from cryptography.fernet import Fernet


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "ENV_FILE": os.path.join(folder, "no.env"),
            "DATA_DIR": folder,
            "SECRET_KEY": secrets.token_urlsafe(64),
            "FERNET_KEYS": Fernet.generate_key().decode(),
            "ALLOWED_HOSTS": "botbalance.example.org",
        }
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

"""The HTTP session of one thread: pooled connections, verified TLS, and no redirect, ever."""

import requests
from requests.adapters import HTTPAdapter

# Hosts an adapter talks to from one thread (mainnet or testnet, paper), and connections to each of them.
POOLED_HOSTS = 4
POOLED_CONNECTIONS = 2


class NoRedirectSession(requests.Session):
    """A signed address must not be sent anywhere else: a redirect is an answer like any other, and never followed."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def new_session() -> requests.Session:
    """A session for one thread; requests' retries are off, ours know which requests may be repeated."""
    session = NoRedirectSession()
    for scheme in ("https://", "http://"):
        session.mount(
            scheme, HTTPAdapter(pool_connections=POOLED_HOSTS, pool_maxsize=POOLED_CONNECTIONS, max_retries=0)
        )
    return session

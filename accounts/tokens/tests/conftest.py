from accounts.tests.conftest import alice, as_alice, as_charlie, bob, charlie  # noqa: F401  (fixtures)

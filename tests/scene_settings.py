"""Settings of a server that shows the scene (tests/scene.py): the real ones, and addresses at which things break."""

from botbalance.settings import *  # noqa: F403  (a settings module is its names)

ROOT_URLCONF = "tests.scene_urls"

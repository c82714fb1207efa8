from django.apps import AppConfig


class LibConfig(AppConfig):
    name = "botbalance.lib"
    label = "lib"
    verbose_name = "System"

from django.apps import AppConfig


class BotBalanceConfig(AppConfig):
    name = "botbalance"
    verbose_name = "BotBalance"

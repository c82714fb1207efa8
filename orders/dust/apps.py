from django.apps import AppConfig


class DustConfig(AppConfig):
    name = "orders.dust"
    label = "dust"
    verbose_name = "Small balances"

"""The books of the paper exchange. They live in the database `paper`, apart from everything else: whatever is rolled
back elsewhere, an order that was accepted here stays accepted. Times are milliseconds since 1970, as on the wire.
"""

from django.db import models
from django.db.models import Q
from fernet_fields import EncryptedTextField

from botbalance.lib.fields import MoneyField

OPEN_STATUSES = ("NEW", "PARTIALLY_FILLED")


class PaperAccount(models.Model):
    """One account with one API key. Its row is the lock under which everything of the account changes."""

    label = models.CharField(max_length=200)
    api_key = models.CharField(max_length=64, unique=True)
    api_secret = EncryptedTextField()
    public_key = models.TextField(blank=True, help_text="PEM of an RSA or Ed25519 key; empty: HMAC with the secret.")
    is_closed = models.BooleanField(default=False)
    burns_bnb = models.BooleanField(default=False, help_text="Commission is taken in BNB while there is enough of it.")
    maker_rate = MoneyField()
    taker_rate = MoneyField()
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    advanced_ms = models.BigIntegerField(help_text="The market has acted on the open orders up to this moment.")
    window_10s = models.BigIntegerField(default=0, help_text="The 10-second window that orders_10s counts.")
    orders_10s = models.IntegerField(default=0)
    window_1d = models.BigIntegerField(default=0, help_text="The UTC day that orders_1d counts.")
    orders_1d = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.label} (…{self.api_key[-4:]})"


class PaperBalance(models.Model):
    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="balances")
    asset = models.CharField(max_length=20)
    free = MoneyField()
    locked = MoneyField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "asset"], name="paper_balance_once")]

    def __str__(self) -> str:
        return f"{self.asset} {self.free} + {self.locked}"


class PaperSequence(models.Model):
    """How many orders and trades an account had on a symbol, and what the book of one step has given it."""

    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="sequences")
    symbol = models.CharField(max_length=40)
    orders = models.BigIntegerField(default=0)
    trades = models.BigIntegerField(default=0)
    book_step = models.BigIntegerField(default=-1)
    bought = MoneyField()
    sold = MoneyField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "symbol"], name="paper_sequence_once")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.orders}/{self.trades}"


class PaperOrder(models.Model):
    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="orders")
    symbol = models.CharField(max_length=40)
    order_id = models.BigIntegerField()
    client_order_id = models.CharField(max_length=36)
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=20)
    time_in_force = models.CharField(max_length=3)
    stp_mode = models.CharField(max_length=20)
    price = MoneyField()
    quantity = MoneyField()
    iceberg_quantity = MoneyField(default=0)
    quote_order_quantity = MoneyField(default=0)
    strategy_id = models.BigIntegerField(null=True)
    strategy_type = models.BigIntegerField(null=True)
    executed = MoneyField()
    quote_executed = MoneyField()
    amendments = models.IntegerField(default=0)
    expiry_reason = models.CharField(max_length=50, blank=True)
    status = models.CharField(max_length=20)
    time_ms = models.BigIntegerField()
    update_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "symbol", "order_id"], name="paper_order_id_once"),
            models.UniqueConstraint(
                fields=["account", "client_order_id"],
                condition=Q(status__in=OPEN_STATUSES),
                name="paper_open_client_id_once",
            ),
        ]
        indexes = [models.Index(fields=["account", "symbol", "client_order_id"], name="paper_order_client_id")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.side} {self.quantity} at {self.price}: {self.status}"


class PaperTrade(models.Model):
    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="trades")
    symbol = models.CharField(max_length=40)
    trade_id = models.BigIntegerField()
    order_id = models.BigIntegerField()
    price = MoneyField()
    quantity = MoneyField()
    quote_quantity = MoneyField()
    commission = MoneyField()
    commission_asset = models.CharField(max_length=20)
    time_ms = models.BigIntegerField()
    is_buyer = models.BooleanField()
    is_maker = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "symbol", "trade_id"], name="paper_trade_id_once")]
        indexes = [models.Index(fields=["account", "symbol", "order_id"], name="paper_trade_order")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.quantity} at {self.price}"


class PaperLedger(models.Model):
    """Every change of every balance: what an account has is the sum of its entries."""

    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="ledger")
    asset = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    amount = MoneyField()
    time_ms = models.BigIntegerField()
    symbol = models.CharField(max_length=40, blank=True)
    trade_id = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.asset}"


class PaperDust(models.Model):
    """One small balance that was converted to BNB; those of one conversion share their `transaction_id`. `received` is
    what came of it after the charge, both in BNB.
    """

    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="dust")
    transaction_id = models.BigIntegerField()
    asset = models.CharField(max_length=20)
    amount = MoneyField()
    received = MoneyField()
    charge = MoneyField()
    time_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "transaction_id", "asset"], name="paper_dust_asset_once")
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.asset} for {self.received} BNB"


class SymbolControl(models.Model):
    """An operator's hand on a symbol from a moment on: its status, the price it is held at (0: none), and what its
    filters say instead, as {"LOT_SIZE": {"stepSize": "0.001"}}.
    """

    symbol = models.CharField(max_length=40)
    since_ms = models.BigIntegerField()
    status = models.CharField(max_length=20)
    price = MoneyField(null=True)
    filters = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.symbol} {self.status}"


class RequestWeight(models.Model):
    """What one network address has used: weight in the minute number `minute` since 1970, requests in the five minutes
    number `raw_window`, and how often it went on after a 429, which makes its bans longer.
    """

    address = models.CharField(max_length=64, unique=True, default="")
    minute = models.BigIntegerField(default=0)
    used = models.IntegerField(default=0)
    raw_window = models.BigIntegerField(default=0)
    raw_requests = models.IntegerField(default=0)
    offences = models.IntegerField(default=0)
    last_offence_ms = models.BigIntegerField(default=0)
    banned_until_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.address}: {self.used} in minute {self.minute}"

from orders.tests.conftest import clock

__all__ = ["clock"]

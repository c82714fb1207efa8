"""The server-wide ledger of requests to an exchange: what may be sent now, by whom, and what has to wait.

`domain` decides, purely. `database` and `redis_store` keep what it decides on, for all processes together. `services`
is the door: every request of an adapter passes it.
"""

"""What goes wrong in a drill is a function of its seed."""

from botbalance.chaos.plan import Options, missing_kinds, strikes

VICTIMS = ("beat", "web", "worker-1", "worker-2")
SERVERS = ("exchange", "postgres", "redis")
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def plan(seed: int = 1, ticks: int = 10_000) -> list[tuple[int, str, str, int]]:
    found = strikes(Options(seed, ticks, users=10), VICTIMS, SERVERS, SYMBOLS)
    return [(strike.tick, strike.kind, strike.target, strike.milliseconds) for strike in found]


def test_the_same_seed_strikes_the_same_and_another_seed_does_not() -> None:
    assert plan(seed=1) == plan(seed=1)
    assert plan(seed=1) != plan(seed=2)


def test_a_long_drill_kills_at_least_fifty_times_and_everything_that_can_be_killed() -> None:
    kills = [target for _tick, kind, target, _ms in plan() if kind == "kill"]
    assert len(kills) >= 50
    assert set(kills) == set(VICTIMS)


def test_even_a_short_drill_kills_and_cuts_every_server_and_changes_a_step_size() -> None:
    found = plan(ticks=50)
    assert {kind for _tick, kind, _target, _ms in found} == {"kill", "cut", "step"}
    assert {target for _tick, kind, target, _ms in found if kind == "cut"} == set(SERVERS)


def test_every_strike_comes_before_the_last_tick_and_in_order() -> None:
    found = plan(ticks=500)
    assert found == sorted(found)
    assert all(1 <= tick < 500 for tick, *_rest in found)
    assert all(200 <= milliseconds <= 1500 for _tick, kind, _target, milliseconds in found if kind == "cut")


def test_a_long_drill_that_never_met_a_kind_of_fault_is_told_which_and_a_short_one_is_not() -> None:
    def missing(ticks: int, *met: str) -> list[str]:
        return missing_kinds(Options(1, ticks, users=10), met, VICTIMS, SERVERS)

    everything = missing(5_000)
    assert {"reset_after", "banned", "step_size", "duplicate_answer", "refused"} < set(everything)
    assert {"kill_beat", "kill_web", "kill_worker", "postgres_cut", "redis_cut"} < set(everything)
    assert missing(5_000, *everything) == []
    assert missing(5_000, *(kind for kind in everything if kind != "banned")) == ["banned"]
    assert missing(4_999) == []

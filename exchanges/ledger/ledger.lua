-- What `domain.reserve` and `domain.settle` say, for Redis: one call is one atomic step for all processes.
-- Prefixed by the constants of `domain`. KEYS: host users queue alive waiting tags orders accounts outcomes told

local HOST, USERS, QUEUE, ALIVE, WAITING = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local TAGS, ORDERS, ACCOUNTS, OUTCOMES, TOLD = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local UNITS = { S = 1000, M = MINUTE_MS, H = 3600000, D = 86400000 }

local function number(value)
  return tonumber(value or false) or 0
end

local function divide(value, by)
  return math.floor(value / by)
end

local function limits()
  return cjson.decode(redis.call('HGET', HOST, 'limits') or DEFAULT_LIMITS)
end

local function order_limits(known)
  local found = {}
  for name, limit in pairs(known) do
    local interval, count, unit = string.match(name, '^ORDERS ((%d+)(%u))$')
    if interval then
      found[interval] = { limit = limit, length = tonumber(count) * UNITS[unit] }
    end
  end
  return found
end

local function orders_used(interval, window)
  local at = tonumber(redis.call('HGET', ORDERS, interval .. ':at') or window)
  if at == window or at == window + 1 then
    return number(redis.call('HGET', ORDERS, interval .. ':used')), at
  end
  return 0, at
end

local function count_orders(interval, window, change)
  local used, at = orders_used(interval, window)
  if at ~= window + 1 then
    at = window
  end
  redis.call('HSET', ORDERS, interval .. ':at', at, interval .. ':used', math.max(0, used + change))
  redis.call('PEXPIRE', ORDERS, KEPT_MS)
end

local function remember_account(account, now)
  redis.call('ZADD', ACCOUNTS, now, account)
  redis.call('ZREMRANGEBYSCORE', ACCOUNTS, '-inf', now - KEPT_MS)
  redis.call('PEXPIRE', ACCOUNTS, KEPT_MS)
end

local function roll(window)
  local at = number(redis.call('HGET', HOST, 'window'))
  if window ~= at and window ~= at - 1 then
    redis.call('HSET', HOST, 'window', window, 'used', 0)
    redis.call('DEL', USERS)
    return window
  end
  return at
end

local function leave(ticket)
  redis.call('ZREM', QUEUE, ticket)
  redis.call('ZREM', ALIVE, ticket)
  redis.call('HDEL', WAITING, ticket)
  if redis.call('EXISTS', QUEUE) == 0 then
    redis.call('DEL', TAGS)
  end
end

local function bury_the_dead(now)
  local dead = redis.call('ZRANGEBYSCORE', ALIVE, '-inf', now)
  local from_a_wrong_clock = redis.call('ZRANGEBYSCORE', ALIVE, '(' .. (now + TICKET_MS + CLOCKS_APART_MS), '+inf')
  for _, ticket in ipairs(dead) do leave(ticket) end
  for _, ticket in ipairs(from_a_wrong_clock) do leave(ticket) end
end

local function began(since, now)
  return since <= now + CLOCKS_APART_MS
end

local function remember_tag(owner, tag)
  redis.call('HSET', TAGS, owner, math.max(tag, tonumber(redis.call('HGET', TAGS, owner) or tag)))
  redis.call('PEXPIRE', TAGS, QUEUE_MS)
end

local function room_of_reads(ask, limit, used)
  local most = divide(limit * (100 - ask.headroom), 100)
  if ask.owner ~= SERVER then
    most = divide(most * (100 - SERVER_PCT), 100)
  end
  return most - used
end

local function is_within_share(ask, window, room)
  if ask.owner == SERVER then
    return true
  end
  local known = redis.call('HMGET', HOST, 'asker', 'asked', 'other_asked')
  local other_asked = number(known[3])
  if ask.owner ~= number(known[1]) then
    other_asked = number(known[2])
  end
  redis.call('HSET', HOST, 'asker', ask.owner, 'asked', window, 'other_asked', other_asked)
  local used = number(redis.call('HGET', USERS, ask.owner))
  local is_alone = other_asked < window - 1 or other_asked > window
  return is_alone or used == 0 or used + ask.weight <= room - ask.weight
end

local function is_its_turn(ask, window, room)
  local is_empty = redis.call('EXISTS', QUEUE) == 0
  local within_share = is_within_share(ask, window, room)
  if is_empty and ask.weight <= room and within_share then
    return true
  end
  if is_empty then
    redis.call('DEL', TAGS)
  end
  local virtual = number(redis.call('HGET', HOST, 'virtual'))
  local first = virtual
  if ask.owner == SERVER then
    first = SERVER_TAG
  end
  local tag = tonumber(redis.call('ZSCORE', QUEUE, ask.ticket) or false)
  if not tag then
    tag = math.max(first, tonumber(redis.call('HGET', TAGS, ask.owner) or first)) + ask.weight
    redis.call('ZADD', QUEUE, tag, ask.ticket)
    redis.call('HSET', WAITING, ask.ticket, ask.weight .. ':' .. ask.owner)
  end
  redis.call('ZADD', ALIVE, ask.now + TICKET_MS, ask.ticket)
  remember_tag(ask.owner, tag)
  -- Whoever waits longest for room is first: as soon as one of those ahead does not fit, nor does this one.
  local needed, rank, from = ask.weight, redis.call('ZRANK', QUEUE, ask.ticket), 0
  while from < rank and needed <= room do
    local some = redis.call('ZRANGE', QUEUE, from, math.min(rank, from + 50) - 1)
    for _, weight in ipairs(redis.call('HMGET', WAITING, unpack(some))) do
      needed = needed + tonumber(string.match(weight or '0:', '^(%d+):'))
    end
    from = from + 50
  end
  if needed > room or not within_share then
    for _, key in ipairs({ QUEUE, ALIVE, WAITING }) do redis.call('PEXPIRE', key, QUEUE_MS) end
    return false
  end
  if ask.owner ~= SERVER then
    redis.call('HSET', HOST, 'virtual', math.max(virtual, tag))
  end
  leave(ask.ticket)
  return true
end

local function reserve()
  local ask = {
    now = tonumber(ARGV[2]), offset = tonumber(ARGV[3]), weight = tonumber(ARGV[4]), is_read = ARGV[5] == '1',
    owner = tonumber(ARGV[6]), account = ARGV[7], orders = tonumber(ARGV[8]), ticket = ARGV[9],
    may_wait = ARGV[10] == '1', headroom = tonumber(ARGV[11]),
  }
  local theirs = ask.now + ask.offset
  local window = roll(divide(theirs, MINUTE_MS))
  bury_the_dead(ask.now)
  for position = 12, #ARGV, 2 do
    redis.call('HINCRBY', OUTCOMES, ARGV[position], ARGV[position + 1])
  end
  redis.call('PEXPIRE', HOST, HOST_MS)
  redis.call('PEXPIRE', OUTCOMES, HOST_MS)
  local known = limits()
  local limit = known['REQUEST_WEIGHT 1M'] or cjson.decode(DEFAULT_LIMITS)['REQUEST_WEIGHT 1M']
  local used = number(redis.call('HGET', HOST, 'used'))
  local function verdict(answer, reason, until_ms)
    return { answer, reason, until_ms, used, limit, 0 }
  end
  local pause = redis.call('HMGET', HOST, 'paused_since', 'paused_until', 'paused_status', 'trial_until')
  local paused_until, is_banned, trial_until = number(pause[2]), number(pause[3]) == BANNED, number(pause[4])
  local is_trial = false
  if paused_until > 0 and began(number(pause[1]), ask.now) then
    if ask.now < paused_until then
      return verdict('no', is_banned and 'banned' or 'slowed', paused_until)
    end
    if is_banned then
      if ask.now < trial_until and trial_until <= ask.now + TRIAL_MS then
        return verdict('no', 'trial', math.min(trial_until, ask.now + 1000))
      end
      is_trial = true
    end
  end
  local intervals = {}
  if ask.orders > 0 then
    local held = redis.call('HMGET', ORDERS, 'paused_since', 'paused_until')
    if began(number(held[1]), ask.now) and ask.now < number(held[2]) then
      return verdict('no', 'orders_paused', number(held[2]))
    end
    intervals = order_limits(known)
    local until_ms = 0
    for interval, of in pairs(intervals) do
      local at = divide(theirs, of.length)
      if orders_used(interval, at) + ask.orders > of.limit then
        until_ms = math.max(until_ms, (at + 1) * of.length - ask.offset)
      end
    end
    if until_ms > 0 then
      return verdict('no', 'orders', until_ms)
    end
  end
  local minute_ends = (window + 1) * MINUTE_MS - ask.offset
  if not ask.is_read then
    if used + ask.weight > limit then
      return verdict('no', 'weight', minute_ends)
    end
  elseif not is_its_turn(ask, window, room_of_reads(ask, limit, used)) then
    if not ask.may_wait then
      leave(ask.ticket)
      return verdict('no', 'weight', minute_ends)
    end
    return verdict('wait', 'weight', minute_ends)
  end
  if is_trial then
    redis.call('HSET', HOST, 'trial_until', ask.now + TRIAL_MS)
  end
  used = used + ask.weight
  redis.call('HSET', HOST, 'used', used)
  redis.call('HINCRBY', USERS, ask.owner, ask.weight)
  redis.call('PEXPIRE', USERS, 2 * MINUTE_MS)
  for interval, of in pairs(intervals) do
    count_orders(interval, divide(theirs, of.length), ask.orders)
  end
  if ask.orders > 0 then
    remember_account(ask.account, ask.now)
  end
  return { 'go', '', 0, used, limit, is_trial and 1 or 0 }
end

local function settle()
  local found = {
    now = tonumber(ARGV[2]), sent = tonumber(ARGV[3]), owner = ARGV[4], weight_back = tonumber(ARGV[5]),
    orders_back = tonumber(ARGV[6]), offset = tonumber(ARGV[7]), pause = tonumber(ARGV[8]),
    status = tonumber(ARGV[9]), orders_pause = tonumber(ARGV[10]), was_trial = ARGV[11] == '1',
    account = ARGV[12],
  }
  local told = {}
  for position = 13, #ARGV, 2 do
    told[ARGV[position]] = tonumber(ARGV[position + 1])
    redis.call('HSET', TOLD, ARGV[position], ARGV[position + 1])
  end
  local function window_of(length)
    return divide(found.sent + found.offset, length)
  end
  local function is_of_one_window(length)
    return window_of(length) == divide(found.now + found.offset, length)
  end
  redis.call('PEXPIRE', HOST, HOST_MS)
  local window = window_of(MINUTE_MS)
  if found.weight_back > 0 and number(redis.call('HGET', HOST, 'window')) == window then
    redis.call('HSET', HOST, 'used', math.max(0, number(redis.call('HGET', HOST, 'used')) - found.weight_back))
    redis.call('HSET', USERS, found.owner, math.max(0, number(redis.call('HGET', USERS, found.owner)) - found.weight_back))
  end
  local weight = told['REQUEST_WEIGHT 1M']
  if weight and is_of_one_window(MINUTE_MS) then
    if window > number(redis.call('HGET', HOST, 'window')) then
      roll(window)
    end
    if number(redis.call('HGET', HOST, 'window')) == window then
      redis.call('HSET', HOST, 'used', math.max(number(redis.call('HGET', HOST, 'used')), weight))
    end
  end
  for interval, of in pairs(order_limits(limits())) do
    local at = window_of(of.length)
    local used, counted = orders_used(interval, at)
    if counted <= at then
      if found.orders_back > 0 and counted == at then
        count_orders(interval, at, -found.orders_back)
      end
      local tells = told['ORDERS ' .. interval]
      if tells and tells > 0 and is_of_one_window(of.length) then
        remember_account(found.account, found.now)
        count_orders(interval, at, math.max(0, tells - orders_used(interval, at)))
      end
    end
  end
  if next(told) then
    redis.call('HSET', HOST, 'told_ms', found.now)
    redis.call('PEXPIRE', TOLD, HOST_MS)
  end
  if found.was_trial then
    redis.call('HSET', HOST, 'trial_until', 0)
    if found.status ~= 0 and found.status ~= BANNED then
      redis.call('HSET', HOST, 'paused_since', 0, 'paused_until', 0, 'paused_status', 0)
    end
  end
  if found.pause > 0 then
    local pause = redis.call('HMGET', HOST, 'paused_since', 'paused_until', 'paused_status')
    local has_begun = began(number(pause[1]), found.now)
    local lasting = 0
    if has_begun and found.now < number(pause[2]) then
      lasting = number(pause[2])
    end
    local status = SLOWED
    if found.status == BANNED or (has_begun and number(pause[3]) == BANNED) then
      status = BANNED
    end
    redis.call('HSET', HOST, 'paused_since', found.now, 'paused_until', math.max(lasting, found.now + found.pause),
      'paused_status', status, 'trial_until', 0)
  end
  if found.orders_pause > 0 then
    local until_ms = math.max(number(redis.call('HGET', ORDERS, 'paused_until')), found.now + found.orders_pause)
    redis.call('HSET', ORDERS, 'paused_since', found.now, 'paused_until', until_ms)
    redis.call('PEXPIRE', ORDERS, KEPT_MS)
    remember_account(found.account, found.now)
  end
  return 1
end

if ARGV[1] == 'reserve' then
  return reserve()
end
return settle()

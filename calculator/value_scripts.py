"""The scripts of values.py, which Redis runs whole or not at all: every change of state is one of them."""

from typing import Final

# `lost`: a running index that nobody runs any more, its worker being gone, stopped or past its deadline.
PRELUDE: Final = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local key, index, state
local function look_at(name)
  key, index = name, string.sub(name, #'fib:' + 1)
  state = redis.call('HGET', key, 'state')
end
if KEYS[1] then look_at(KEYS[1]) end
local function drop_overdue(set) redis.call('ZREMRANGEBYSCORE', set, '-inf', now) end
local function drop_from_running() redis.call('ZREM', 'running', index) end
local function number(field) return tonumber(redis.call('HGET', key, field)) or 0 end
local function worker()
  return redis.call('GET', 'worker:' .. (redis.call('HGET', key, 'worker') or ''))
end
local function lost() return worker() ~= 'up' or now > number('deadline') end
local function stamp(field, ago)
  redis.call('HSET', key, field, string.format('%.6f', now - (ago or 0)))
end
"""

# ARGV: seconds to live, longest time in the queue, longest time since a failure (0: any), seconds since the request.
CLAIM: Final = (
    PRELUDE
    + """
local function is_over(longest, since)
  return tonumber(longest) > 0 and now - number(since) >= tonumber(longest)
end
if state == 'done' then return 0 end
if state == 'failed' then
  if not is_over(ARGV[3], 'finished_at') then return 0 end
  redis.call('HDEL', key, 'attempts', 'reason', 'finished_at')
end
if state == 'running' then
  if not lost() then return 0 end
  if worker() == 'stopped' then redis.call('HINCRBY', key, 'attempts', -1) end
end
if state == 'queued' and not is_over(ARGV[2], 'queued_at') then return 0 end
drop_from_running()
redis.call('HDEL', key, 'started_at', 'worker', 'task', 'deadline', 'progress')
redis.call('HSET', key, 'state', 'queued')
stamp('received_at', ARGV[4])
stamp('queued_at')
redis.call('EXPIRE', key, ARGV[1])
return 1
"""
)

UNCLAIM: Final = PRELUDE + "if state == 'queued' then redis.call('DEL', key) end"

# ARGV: seconds to live, task, worker, seconds until the deadline, most attempts, a failure's reason.
START: Final = (
    PRELUDE
    + """
if state == 'done' or state == 'failed' then return 'finished' end
if state == 'running' then
  if redis.call('HGET', key, 'task') ~= ARGV[2] and not lost() then return 'elsewhere' end
  if worker() == 'stopped' then redis.call('HINCRBY', key, 'attempts', -1) end
end
if number('attempts') >= tonumber(ARGV[5]) then
  drop_from_running()
  redis.call('HSET', key, 'state', 'failed', 'reason', ARGV[6])
  redis.call('HDEL', key, 'progress')
  stamp('finished_at')
  redis.call('EXPIRE', key, ARGV[1])
  return 'given up'
end
redis.call('HINCRBY', key, 'attempts', 1)
redis.call('HSET', key, 'state', 'running', 'task', ARGV[2], 'worker', ARGV[3], 'deadline', now + ARGV[4])
drop_overdue('running')
redis.call('ZADD', 'running', now + ARGV[4], index)
redis.call('HSET', key, 'progress', 0)
stamp('started_at')
if not redis.call('HGET', key, 'queued_at') then stamp('queued_at') end
redis.call('EXPIRE', key, ARGV[1])
return 'started'
"""
)

# ARGV: seconds to live, number of pieces, then fields and their values. 0 when a piece is missing.
FINISH: Final = (
    PRELUDE
    + """
for piece = 0, ARGV[2] - 1 do
  if redis.call('HEXISTS', key, 'digits:' .. piece) == 0 then return 0 end
end
drop_from_running()
redis.call('HSET', key, 'state', 'done', 'progress', 1, unpack(ARGV, 3))
redis.call('HDEL', key, 'deadline', 'attempts', 'reason')
stamp('finished_at')
redis.call('EXPIRE', key, ARGV[1])
return 1
"""
)

# ARGV: seconds to live, reason, task. A value that is there stays, and so does another task's run.
FAIL: Final = (
    PRELUDE
    + """
local owner = redis.call('HGET', key, 'task')
if state == 'done' or (owner and owner ~= ARGV[3]) then return 0 end
drop_from_running()
redis.call('HSET', key, 'state', 'failed', 'reason', ARGV[2])
redis.call('HDEL', key, 'progress')
stamp('finished_at')
redis.call('EXPIRE', key, ARGV[1])
return 1
"""
)

# ARGV: task, fraction. Only the run that has the index may say how far it is.
ADVANCE: Final = (
    PRELUDE
    + """
if state == 'running' and redis.call('HGET', key, 'task') == ARGV[1] then
  redis.call('HSET', key, 'progress', ARGV[2])
end
"""
)

# ARGV: how many at most, then fields. An index whose worker is silent stays in the set: it may come back.
RUNNING: Final = (
    PRELUDE
    + """
drop_overdue('running')
local found = {}
for _, member in ipairs(redis.call('ZRANGE', 'running', 0, -1)) do
  look_at('fib:' .. member)
  if state ~= 'running' then
    drop_from_running()
  elseif not lost() then
    table.insert(found, {index = member, started_at = number('started_at')})
  end
end
table.sort(found, function(one, other) return one.started_at > other.started_at end)
local newest = {}
for place = 1, math.min(#found, ARGV[1]) do
  local member = found[place].index
  newest[place] = {member, redis.call('HMGET', 'fib:' .. member, unpack(ARGV, 2))}
end
return newest
"""
)

# ARGV: worker, seconds to live.
RENEW: Final = (
    PRELUDE
    + """
redis.call('SET', 'worker:' .. ARGV[1], 'up', 'EX', ARGV[2])
drop_overdue('workers')
redis.call('ZADD', 'workers', now + ARGV[2], ARGV[1])
"""
)

WORKERS: Final = PRELUDE + "drop_overdue('workers') return redis.call('ZRANGE', 'workers', 0, -1)"

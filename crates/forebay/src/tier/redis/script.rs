//! What runs in Redis as one step, in its language. Numbers of 64 bits go as text, since Lua has
//! only floating point.

use redis::{Cmd, Script};

/// Gives who is on the roll, and for how many milliseconds more, beside the caller; and publishes
/// the call. A roll that is not there says nothing: it is begun with an entry for the unknown.
/// Nobody has more than the whole time, whatever the server's clock did.
/// Something is written first, so that a server without memory lets the rest pass.
const CALL: &str = r"
local function call(roll, me, text, channel, message)
    local hearing = tonumber(text)
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('PEXPIRE', roll, 86400000)
    if not redis.call('ZSCORE', roll, '.') then
        redis.call('ZADD', roll, '+inf', '.', now + hearing, '?')
    end
    redis.call('PUBLISH', channel, message)
    local found = redis.call('ZRANGEBYSCORE', roll, now, '(+inf', 'WITHSCORES')
    local others = {}
    for i = 1, #found, 2 do
        if found[i] ~= me then
            table.insert(others, found[i])
            local left = math.min(found[i + 1] - now + 1, hearing)
            table.insert(others, string.format('%.0f', left))
        end
    end
    return others
end
";

/// Keys: the roll, then what is deleted, of which the last is a lease. Arguments: who calls, the
/// time of the roll, channel, message. Answers how many values there were, then the roll.
const REMOVE: &str = r"
local gone = redis.call('DEL', KEYS[2], KEYS[3])
redis.call('DEL', KEYS[4])
local others = call(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
table.insert(others, 1, tostring(gone))
return others
";

/// Keys: the roll, what is stored under, then what is deleted, of which the last is a lease.
/// Arguments: value, milliseconds, then as in REMOVE. Answers 0, then the roll, when there is no
/// memory for the value: what was there is gone all the same. The value comes first, since a server
/// without memory lets everything pass once something is written.
const STORE: &str = r"
local set = redis.pcall('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[3], KEYS[4])
if set.err then redis.call('DEL', KEYS[2]) end
local others = call(KEYS[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
table.insert(others, 1, set.err and '0' or '1')
return others
";

/// Key: value. Arguments: what has to stand there, what then does, milliseconds.
const REPLACE: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
";

/// Keys: the roll. Arguments as in REMOVE.
const ROLL_CALL: &str = r"
local others = call(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
table.insert(others, 1, '0')
return others
";

/// A number for a tag that none has had before: the server's time in microseconds.
const NUMBER: &str = r"
local function number(before)
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    if before and tonumber(before) and tonumber(before) >= now then
        now = tonumber(before) + 1
    end
    return string.format('%.0f', now)
end
";

/// Keys: the roll, then tags. Arguments: how long tags are kept, then as in REMOVE. Without memory
/// a tag is deleted, which makes its entries untrue as well.
const RAISE: &str = r"
redis.call('PEXPIRE', KEYS[1], 86400000)
for i = 2, #KEYS do
    local new = number(redis.call('GET', KEYS[i]))
    redis.call('DEL', KEYS[i])
    redis.pcall('SET', KEYS[i], new, 'PX', ARGV[1])
end
local others = call(KEYS[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
table.insert(others, 1, '0')
return others
";

/// Keys: tags. Argument: how long they are kept. Answers their numbers; those without get one.
const VERSIONS: &str = r"
local numbers = {}
for i = 1, #KEYS do
    local one = redis.call('GET', KEYS[i])
    if not one then
        one = number(nil)
        redis.call('SET', KEYS[i], one, 'PX', ARGV[1])
    end
    numbers[i] = one
end
return numbers
";

/// Key: the roll. Arguments: who, for how long. Answers 1 if its time had not run out before.
const RENEW: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('PEXPIRE', KEYS[1], 86400000)
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not redis.call('ZSCORE', KEYS[1], '.') then
    redis.call('ZADD', KEYS[1], '+inf', '.', now + ARGV[2], '?')
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
if before and tonumber(before) >= now then return 1 end
return 0
";

/// Keys: value, lease. Arguments: token, value, milliseconds. Stores while the token is there.
const FILL: &str = r"
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
";

/// Key: lease. Argument: token.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
";

/// Key: counter. Arguments: by, milliseconds. The time is that of the first.
const INCREMENT: &str = r"
redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
";

/// GCRA. Key: the rate, which holds when the next would be due if nothing were ever early.
/// Arguments, in microseconds: between two, how early one may be, and how many are asked for.
/// Answers whether they may, and in how many microseconds they may.
const RATE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local next = due + ARGV[1] * ARGV[3]
local wait = next - ARGV[2] - now
if wait > 0 then return {0, math.ceil(wait)} end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1)
return {1, 0}
";

/// The same for several windows, all of them or none. Key: a hash that holds for each window when
/// the next would be due. Arguments, in microseconds, for each window: between two, and how early
/// one may be. Answers whether it may, in how many microseconds it may, and for each window how
/// long what is in use takes to be given back.
const RATES: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, last, before, after = 0, now, {}, {}
for i = 1, #ARGV / 2 do
    before[i] = math.max(tonumber(redis.call('HGET', KEYS[1], i) or now), now)
    after[i] = before[i] + ARGV[2 * i - 1]
    wait = math.max(wait, after[i] - ARGV[2 * i] - now)
    last = math.max(last, after[i])
end
local answer = {1, 0}
if wait > 0 then
    answer, after = {0, math.ceil(wait)}, before
else
    for i = 1, #after do
        redis.call('HSET', KEYS[1], i, string.format('%.0f', after[i]))
    end
    redis.call('PEXPIRE', KEYS[1], math.ceil((last - now) / 1000) + 1)
end
for i = 1, #after do answer[i + 2] = math.ceil(after[i] - now) end
return answer
";

/// All of them, with the digests under which a server knows them.
pub(super) struct Scripts {
    pub(super) remove: Text,
    pub(super) store: Text,
    pub(super) replace: Text,
    pub(super) roll_call: Text,
    pub(super) raise: Text,
    pub(super) versions: Text,
    pub(super) renew: Text,
    pub(super) fill: Text,
    pub(super) release: Text,
    pub(super) increment: Text,
    pub(super) rate: Text,
    #[cfg_attr(not(feature = "http"), allow(dead_code))]
    pub(super) rates: Text,
}

impl Scripts {
    pub(super) fn new() -> Scripts {
        Scripts {
            remove: Text::new(&[CALL, REMOVE]),
            store: Text::new(&[CALL, STORE]),
            replace: Text::new(&[REPLACE]),
            roll_call: Text::new(&[CALL, ROLL_CALL]),
            raise: Text::new(&[CALL, NUMBER, RAISE]),
            versions: Text::new(&[NUMBER, VERSIONS]),
            renew: Text::new(&[RENEW]),
            fill: Text::new(&[FILL]),
            release: Text::new(&[RELEASE]),
            increment: Text::new(&[INCREMENT]),
            rate: Text::new(&[RATE]),
            rates: Text::new(&[RATES]),
        }
    }
}

/// One script.
pub(super) struct Text {
    text: String,
    digest: String,
}

impl Text {
    fn new(parts: &[&str]) -> Text {
        let text = parts.concat();
        let digest = Script::new(&text).get_hash().to_owned();
        Text { text, digest }
    }

    /// The command that runs it by its digest. A server that does not know it says NOSCRIPT.
    pub(super) fn short(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.digest, keys, args)
    }

    /// The command that brings the text along.
    pub(super) fn long(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        command("EVAL", &self.text, keys, args)
    }
}

fn command(name: &str, script: &str, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len());
    for part in keys.iter().chain(args) {
        command.arg(*part);
    }
    command
}

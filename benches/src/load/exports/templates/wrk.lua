-- The drawn questions as fast as wrk can send them; answers are not looked at but for their status.
-- Each thread starts at another place of the drawn order, and goes round.
local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local requests, order, at

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(arguments)
  local drawn = dofile(folder .. "wrk-questions.lua")(folder)
  requests, order = drawn.requests, drawn.order
  -- The golden section: places far from each other, however many threads there are.
  at = math.floor(number * 0.6180339887 % 1 * #order)
end

function request()
  at = at % #order + 1
  return requests[order[at]]
end

function done(summary, latency, rates)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end

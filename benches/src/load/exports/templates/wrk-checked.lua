-- The drawn questions, every answer held against the truth. Ends with 1 when an answer was wrong.
-- wrk does not say to which question an answer belongs: an answer is right when it is the whole answer to one of
-- the questions that this thread waits for.
local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local requests, tails, order, at
local awaited = {}

local threads = {}
function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

function init(arguments)
  local drawn = dofile(folder .. "wrk-questions.lua")(folder)
  requests, tails, order = drawn.requests, drawn.tails, drawn.order
  -- The golden section: places far from each other, however many threads there are.
  at = math.floor(number * 0.6180339887 % 1 * #order)
  asked, right, wrong, refused = 0, 0, 0, 0
end

function request()
  at = at % #order + 1
  local question = order[at]
  local tail = tails[question]
  awaited[tail] = (awaited[tail] or 0) + 1
  asked = asked + 1
  return requests[question]
end

function response(status, headers, body)
  if status ~= 200 then
    refused = refused + 1
    return
  end
  local from = body:find('"count":', 1, true)
  local tail = from and body:sub(from)
  local waiting = tail and awaited[tail] or 0
  if waiting > 0 then
    awaited[tail] = waiting - 1
    right = right + 1
  else
    wrong = wrong + 1
  end
end

function done(summary, latency, rates)
  -- wrk asks the first thread for one request more, to look at it.
  local total = { asked = -1, right = 0, wrong = 0, refused = 0 }
  for _, thread in ipairs(threads) do
    for name, sum in pairs(total) do
      total[name] = sum + thread:get(name)
    end
  end
  local unanswered = total.asked - total.right - total.wrong - total.refused
  io.write(string.format("right %d, wrong %d, not 200 %d, unanswered at the end %d\n",
    total.right, total.wrong, total.refused, unanswered))
  if total.wrong > 0 or total.refused > 0 then
    os.exit(1)
  end
end

-- The drawn questions, for wrk.lua and wrk-checked.lua: every request is put together once, before the load begins.
return function(folder)
  local headers = { ["Content-Type"] = "application/json" }
  local drawn = { requests = {}, tails = {}, order = {} }
  for line in io.lines(folder .. "questions.tsv") do
    local body, tail = line:match("^([^\t]*)\t([^\t]*)$")
    drawn.requests[#drawn.requests + 1] = wrk.format("POST", "/v1/query", headers, body)
    drawn.tails[#drawn.tails + 1] = tail
  end
  for line in io.lines(folder .. "order.txt") do
    drawn.order[#drawn.order + 1] = tonumber(line) + 1
  end
  return drawn
end

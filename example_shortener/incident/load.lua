-- What visitors do: mostly they follow a link, now and then one looks at its clicks, and one adds another.
local count = 0

-- Milliseconds until a visitor asks again: the machine has gate's checks and the engines to run as well.
delay = function()
  return 20
end

request = function()
  count = count + 1
  if count % 20 == 0 then
    local body = '{"url": "https://example.com/"}'
    return wrk.format("POST", "/api/links", {["Content-Type"] = "application/json"}, body)
  elseif count % 10 == 0 then
    return wrk.format("GET", "/api/links/probe")
  end
  return wrk.format("GET", "/probe")
end

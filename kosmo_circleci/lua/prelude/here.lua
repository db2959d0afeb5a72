-- circleci.here(): the project, branch and revision of the git checkout the script runs in; no request.

local core = ...

local next, type = next, type

local NAME = "circleci.here"

--- The function of one account: where a remote's host does not tell, the account's server does.
function core.here_of(account)
  return function(...)
    local first = ...
    if core.count(...) > 1 or first ~= nil and (type(first) ~= "table" or next(first) ~= nil) then
      core.refuse(NAME, "it takes no arguments")
    end
    return core.call_host("here", account)
  end
end

---@meta kosmo
-- What the sandbox adds to Lua, as definitions: the one list of its names. The checker reads it, an editor too
-- (`kosmo integrations:types`). Nothing here is executed; the helpers themselves are in lua/prelude.

---The arguments of the run: `--arg KEY=VALUE`, `--args-json`. Strings, unless the script declares types with `@arg`.
---@type table<string, any>
args = {}

---With `--each`: the input this run is for.
---@type any
item = nil

---With `--each`: the place of `item`, from 1.
---@type integer
item_index = 0

---In an MCP session: large results of earlier scripts, by ID. Read-only.
---@type table<string, any>
results = {}

---Print `value`, tables as JSON with sorted keys, and return it.
---@generic T
---@param value T
---@return T
function dump(value) end

---A documentation page as text: `lua_read_doc("circleci.get_pipeline")`.
---@param page string
---@return string
function lua_read_doc(page) end

---End the run with an exit code, 0 to 125. 0 is success; what follows becomes the result.
---@param code? integer
---@param ... any
function exit(code, ...) end

---Write a line to standard error; it is kept in the envelope's `log`.
---@param ... any
function log(...) end

---A result for programs and a text for people: `return view(rows, text)`.
---@param rows any
---@param text string
---@return any
function view(rows, text) end

---Load a module: `require("lib.slack")` is `lib/slack.lua` beside the script or under a `--lua-path`.
---@param name string
---@return any
function require(name) end

-- os, debug: what the sandbox has of them --------------------------------------------------------------------------

---The script's clock; with `--simulate` the simulated one.
os = {}

---Seconds of CPU time.
---@return number
function os.clock() end

---@param format? string
---@param time? number
---@return any
function os.date(format, time) end

---@param t2 number
---@param t1? number
---@return number
function os.difftime(t2, t1) end

---Seconds since 1970, now or of `{year = …, month = …, day = …}`.
---@param table? table
---@return integer
function os.time(table) end

debug = {}

---@param thread? any
---@param message? any
---@param level? integer
---@return string
function debug.traceback(thread, message, level) end

-- Errors -----------------------------------------------------------------------------------------------------------

---With `kosmo integrations:test`: what a test demands.
expect = {}

---The same value; tables field by field.
---@param actual any
---@param expected any
---@param message? string
function expect.equal(actual, expected, message) end

---`fn()` raises an error, which is returned; `expected` is a part of its message, or a table of fields it has.
---@param fn function
---@param expected? string|table
---@return any
function expect.error(fn, expected) end

---The regular expression matches; the match is returned.
---@param text any
---@param pattern string
---@param message? string
---@return table<any, string>
function expect.match(text, pattern, message) end

---An error of the bridge. It behaves as its message, and has fields.
---@class kosmo.Error
---@field type string `api`, `validation`, `permission`, `network`, `limit`, …
---@field message string
---@field function_name? string
---@field status? integer HTTP status of an `api` error.
---@field code? string
---@field body? any
---@field request_id? string
---@field retry_after? number Seconds.
---@field attempts? integer
---@field value? any The last value `flow.wait` saw.
---@field index? integer The branch of `flow.map` that failed.

---What `app.integrations.circleci` has beside CircleCI's functions. The functions are added from the manifest.
---@class kosmo.Functions
local functions = {}

---@class kosmo.Here
---@field project_slug? string
---@field branch? string
---@field revision string
---@field remote? string

---The project, branch and revision of the git checkout the script runs in. Sends nothing.
---@return kosmo.Here
function functions.here() end

---@class kosmo.PipelineOptions
---@field branch? string
---@field tag? string
---@field revision? string
---@field repo_url? string
---@field project_type? string
---@field parameters? table

---The pipeline values that the official CLI fills in for `compile_config`. Sends nothing.
---@param opts? kosmo.PipelineOptions
---@return table
function functions.default_pipeline_values(opts) end

-- flow ------------------------------------------------------------------------------------------------------------

---Pages, parallel calls, waiting, failures and logs.
flow = {}

---A page of a list: an answer of CircleCI, or `{items = {…}, next_page_token = …}` of a function of your own.
---@class kosmo.Page<T>

---@class flow.PageOptions
---@field max_items? integer

---@class flow.MapOptions
---@field concurrency? integer Calls at once; default 16.
---@field errors? "raise"|"collect"

---@class flow.WaitOptions
---@field timeout? number Seconds; default 600.
---@field interval? number Seconds before the second look; default 5.
---@field backoff? number Factor between two waits; default 1.5.
---@field max_interval? number Seconds; default 30.

---@class flow.RetryOptions
---@field attempts? integer Default 3.
---@field delay? number Seconds before the second attempt; default 1. It doubles.

---@class flow.WorkflowOptions
---@field on_hold? "stop"|"wait" Whether it returns when nothing but approvals is left. Default "stop".
---@field account? string
---@field timeout? number Seconds; default 600.
---@field interval? number Seconds; default 5.
---@field backoff? number Default 1.5.
---@field max_interval? number Seconds; default 30.

---@class flow.Outcome
---@field ok boolean
---@field value? any
---@field error? any

---@class flow.Target
---@field pipeline_id? string
---@field workflow_id? string
---@field job_id? string
---@field job_number? integer
---@field project_slug? string
---@field branch? string

---@class flow.FailureOptions
---@field log? "tail"|"condensed"|"full"|"none"
---@field lines? integer Lines of log per step; default 40.
---@field tests? integer Failed tests per job; default 20.
---@field concurrency? integer Default 8.
---@field account? string

---@class flow.FailedTest
---@field name string
---@field classname string
---@field file string
---@field message string

---@class flow.Failure
---@field project_slug string
---@field pipeline_id string
---@field pipeline_number integer
---@field branch string
---@field revision string
---@field workflow string
---@field workflow_id string
---@field job string
---@field job_id string
---@field job_number integer
---@field status string
---@field url string
---@field execution integer
---@field step string
---@field step_num integer
---@field exit_code integer
---@field command string
---@field log string
---@field log_lines integer Lines of the log before it was cut.
---@field truncated boolean
---@field tests flow.FailedTest[]
---@field message string

---@class flow.LogOptions
---@field steps? string "failed", "all" or the name of a step.
---@field follow? boolean Wait for more until the step has ended.
---@field ansi? boolean Keep colours and redraws as they came.
---@field account? string

---@class flow.LogStep
---@field name string
---@field num integer
---@field execution integer
---@field status string

---Iterate over the items of every page. A page is fetched when the loop reaches it, so `break` saves the rest.
---@generic T
---@param fn fun(args: table): kosmo.Page<T>
---@param args? table
---@param opts? flow.PageOptions
---@return fun(): T
function flow.each(fn, args, opts) end

---The items of every page as one array.
---@generic T
---@param fn fun(args: table): kosmo.Page<T>
---@param args? table
---@param opts? flow.PageOptions
---@return T[]
function flow.all(fn, args, opts) end

---Call `fn(item, index)` for all items, their API calls running at once. The results come in order.
---@generic T, R
---@param list T[]
---@param fn fun(item: T, index: integer): R
---@param opts? flow.MapOptions
---@return R[]
function flow.map(list, fn, opts) end

---Call `fn()` until `done(value)`, and return the value. A timeout is a `limit` error.
---@generic T
---@param fn fun(): T
---@param done fun(value: T): any
---@param opts? flow.WaitOptions
---@return T
function flow.wait(fn, done, opts) end

---Call `fn()` again on network errors and on API errors that may pass.
---@generic T
---@param fn fun(): T
---@param opts? flow.RetryOptions
---@return T
function flow.retry(fn, opts) end

---Let seconds pass.
---@param seconds number
function flow.sleep(seconds) end

---Wait until every workflow of a pipeline is final, and return them.
---@param pipeline_id string
---@param opts? flow.WorkflowOptions
---@return circleci.Workflow[]
function flow.wait_pipeline(pipeline_id, opts) end

---Wait until a workflow is final, and return it.
---@param workflow_id string
---@param opts? flow.WorkflowOptions
---@return circleci.Workflow
function flow.wait_workflow(workflow_id, opts) end

---Say whether a status (v2) or phase (v3) is one that does not change any more.
---@param status string
---@return boolean
function flow.is_final(status) end

---Every failed step of a pipeline, workflow or job, or of a branch's newest pipeline that failed.
---@param target flow.Target
---@param opts? flow.FailureOptions
---@return flow.Failure[]
function flow.failures(target, opts) end

---Iterate over the lines of a job's steps: `for line, step in flow.log(job_id) do`.
---A job is named by its id, or by `{project_slug = …, job_number = …}`.
---@param job string|flow.Target
---@param opts? flow.LogOptions
---@return fun(): string, flow.LogStep
function flow.log(job, opts) end

-- json, regex ------------------------------------------------------------------------------------------------------

---JSON without loss: nulls, empty arrays, integers and floats stay what they are.
json = {}

---The JSON null, to be sent. In an answer a null is nil.
---@type any
json.null = nil

---@class json.EncodeOptions
---@field pretty? boolean

---The value of a JSON text.
---@param text string
---@return any
function json.decode(text) end

---The JSON text of a value.
---@param value any
---@param opts? json.EncodeOptions
---@return string
function json.encode(value, opts) end

---`list`, or a new table, that is an array in JSON even when it is empty.
---@generic T
---@param list? T
---@return T
function json.array(list) end

---`map`, or a new table, that is an object in JSON even when its keys are 1, 2, 3.
---@generic T
---@param map? T
---@return T
function json.object(map) end

---Regular expressions in PCRE syntax, Unicode.
regex = {}

---The first match: `[1]` whole, `[2]` first group, …, and named groups by name. nil where there is none.
---@param subject string
---@param pattern string
---@param flags? string Letters of `imsx`.
---@return table<any, string>?
function regex.match(subject, pattern, flags) end

---Every match, as `regex.match` gives one.
---@param subject string
---@param pattern string
---@param flags? string
---@return table<any, string>[]
function regex.match_all(subject, pattern, flags) end

---Replace matches. `$1`, `${name}` and `\1` in a replacement text are groups; a function gets the match.
---@param subject string
---@param pattern string
---@param replacement string|fun(match: table<any, string>): string?
---@param limit? integer
---@param flags? string
---@return string
function regex.gsub(subject, pattern, replacement, limit, flags) end

---The pieces between the matches.
---@param subject string
---@param pattern string
---@param flags? string
---@return string[]
function regex.split(subject, pattern, flags) end

-- docs, mcp --------------------------------------------------------------------------------------------------------

---The documentation.
docs = {}

---The names of all pages, one a line.
---@return string
function docs.list() end

---The functions whose meaning is nearest to a question, at most ten lines.
---@param query string
---@return string
function docs.search(query) end

---A page as text.
---@param page string
---@return string
function docs.read(page) end

---The tools of MCP servers; `app.mcp.SERVER.TOOL` calls one.
mcp = {}

---The configured servers.
---@return table[]
function mcp.servers() end

---The tools of a server, or of all.
---@param server? string
---@return table[]
function mcp.tools(server) end

---The JSON Schema of a tool's arguments.
---@param name string `server.tool`
---@return table
function mcp.schema(name) end

---Call a tool.
---@param name string `server.tool`
---@param arguments? table
---@return any
function mcp.call(name, arguments) end

---The resources of a server.
---@param server string
---@return table[]
function mcp.resources(server) end

---The text of a resource.
---@param server string
---@param uri string
---@return any
function mcp.read_resource(server, uri) end

---The prompts of a server.
---@param server string
---@return table[]
function mcp.prompts(server) end

---A prompt, filled in.
---@param server string
---@param name string
---@param arguments? table
---@return any
function mcp.get_prompt(server, name, arguments) end

-- time, csv, base64, hash, text, files -----------------------------------------------------------------------------

---Times as seconds since 1970.
time = {}

---@return number
function time.now() end

---The seconds of an RFC 3339 time, a date (midnight UTC), or "7d ago".
---@param text string
---@return number
function time.parse(text) end

---A time as text: RFC 3339 in UTC, or by a format of `strftime`.
---@param seconds number
---@param format? string
---@return string
function time.format(seconds, format) end

---Comma-separated values (RFC 4180).
csv = {}

---A header and a line for each row. Without `columns`: every key of a row, sorted.
---@param rows table[]
---@param columns? string[]
---@return string
function csv.encode(rows, columns) end

---A table for each record, its fields by the names in the header.
---@param text string
---@return table<string,string>[]
function csv.decode(text) end

base64 = {}

---@param text string
---@return string
function base64.encode(text) end

---@param text string
---@return string
function base64.decode(text) end

hash = {}

---The SHA-256 of a text, in hexadecimal.
---@param text string
---@return string
function hash.sha256(text) end

---Tables of text for people.
text = {}

---Rows as columns of a terminal.
---@param rows table[]
---@param columns? string[]
---@return string
function text.table(rows, columns) end

---Rows as a Markdown table.
---@param rows table[]
---@param columns? string[]
---@return string
function text.markdown(rows, columns) end

---With `--files DIR`: files inside DIR, by relative names.
files = {}

---The content of a file, byte for byte.
---@param name string
---@return string
function files.read(name) end

---Put a file in its place, whole or not at all.
---@param name string
---@param text string
function files.write(name, text) end

---Add to the end of a file, in one write.
---@param name string
---@param text string
function files.append(name, text) end

---The names of the files, sorted; `pattern` is a glob with `**`.
---@param pattern? string
---@return string[]
function files.list(pattern) end

---Download an artifact of `list_job_artifacts`, or a URL, into a file; returns its size in bytes.
---@param artifact any
---@param name string
---@return integer
function files.download(artifact, name) end

--# a name that leads up :: runtime has '..' in it
files.read("../outside/secret.txt")

--# a name that leads up and down again :: runtime has '..' in it
files.read("sub/../../outside/secret.txt")

--# a name that leads up, and stays inside :: runtime has '..' in it
files.read("sub/../inside.txt")

--# writing above :: runtime has '..' in it
files.write("../outside/secret.txt", "overwritten")

--# appending above :: runtime has '..' in it
files.append("../outside/secret.txt", "more")

--# listing above :: runtime has '..' in it
files.list("../**")

--# listing the root :: runtime is absolute
files.list("/etc/*")

--# an absolute name :: runtime is absolute
files.read("/etc/passwd")

--# an absolute name with two slashes :: runtime is absolute
files.write("//tmp/x", "x")

--# the home folder :: runtime begins with '~'
files.write("~/.bashrc", "x")

--# another's home folder :: runtime begins with '~'
files.read("~root/.bashrc")

--# a NUL that cuts the name :: runtime control character in it (U+0000)
files.read("../outside/secret.txt\0inside.txt")

--# a NUL behind the name :: runtime control character in it (U+0000)
files.write("inside.txt\0.bak", "x")

--# a line end in a name :: runtime control character in it (U+000A)
files.write("a\nb", "x")

--# an escape of the terminal in a name :: runtime control character in it (U+001B)
files.write("\27[2J", "x")

--# a C1 control in a name :: runtime control character in it (U+009B)
files.write("\u{9b}2J", "x")

--# a line separator in a name :: runtime control character in it (U+2028)
files.write("a\u{2028}b", "x")

--# a backslash :: runtime has a backslash in it
files.read("..\\outside\\secret.txt")

--# a drive :: runtime has a backslash in it
files.write("C:\\x", "x")

--# a name that is not UTF-8 :: runtime is not UTF-8
files.read("bad\255.txt")

--# an overlong slash :: runtime is not UTF-8
files.read("..\192\175outside")

--# a lone surrogate :: runtime is not UTF-8
files.read("\237\160\128")

--# an empty name :: runtime is empty
files.write("", "x")

--# a dot :: runtime names a folder
files.write(".", "x")

--# a slash at the end :: runtime names a folder
files.write("sub/", "x")

--# a name that is a folder :: runtime is a folder
files.write("sub", "x")

--# reading a folder :: runtime is a folder
files.read("sub")

--# appending to a folder :: runtime is a folder
files.append("sub", "x")

--# a file in place of a folder :: runtime a part of its path is a file
files.write("inside.txt/x", "x")

--# a part that is too long :: runtime too long for a file name
files.write(("x"):rep(256), "x")

--# a name that is too long :: runtime is longer than 4096 bytes
files.write(("x/"):rep(3000) .. "x", "x")

--# more folders than descriptors :: runtime has more than 100 parts
files.write(("x/"):rep(1500) .. "x", "x")

--# a name of a mebibyte :: runtime is longer than 4096 bytes
files.read(("x"):rep(1 << 20))

--# characters that look like dots and slashes are characters :: ok ["\uff0e\uff0e\u2215x","\u2024\u2024","%2e%2e"]
local names = { "\u{ff0e}\u{ff0e}\u{2215}x", "\u{2024}\u{2024}", "%2e%2e" }
for _, name in ipairs(names) do
  files.write("look/" .. name, name)
  assert(files.read("look/" .. name) == name)
end
return names

--# two spellings of one letter are two names :: ok ["composed","decomposed"]
files.write("\u{e9}", "composed")
files.write("e\u{301}", "decomposed")
return { files.read("\u{e9}"), files.read("e\u{301}") }

--# capital letters are other letters, where the file system says so :: ok "inside" | runtime does not exist
return files.read("INSIDE.TXT")

--# a name that steers an error message :: runtime '\u202etxt' does not exist
files.read("\u{202e}txt")

--# a link out of the folder :: runtime leads out of the folder
files.read("link_out")

--# writing through a link out of the folder :: runtime leads out of the folder
files.write("link_out", "overwritten")

--# appending through a link out of the folder :: runtime leads out of the folder
files.append("link_out", "more")

--# an absolute link out of the folder :: runtime leads out of the folder
files.read("link_absolute")

--# a link to a folder outside :: runtime leads out of the folder
files.read("link_folder/secret.txt")

--# writing into a folder outside :: runtime leads out of the folder
files.write("link_folder/new.txt", "x")

--# making folders outside :: runtime leads out of the folder
files.write("link_folder/a/b/new.txt", "x")

--# appending in a folder outside :: runtime leads out of the folder
files.append("link_folder/new.txt", "x")

--# a link to the root :: runtime leads out of the folder
files.read("link_root/etc/passwd")

--# a link that leads up from a folder further down :: runtime leads out of the folder
files.read("sub/link_up")

--# a link through a link :: runtime leads out of the folder
files.read("link_to_link/secret.txt")

--# a link to a name that does not exist outside :: runtime leads out of the folder
files.write("dangling_out", "x")

--# a link to the environment of this process :: runtime leads out of the folder
files.read("link_environ")

--# a link to a descriptor of this process :: runtime leads out of the folder
files.read("link_descriptor")

--# a link to itself :: runtime leads in circles
files.read("link_self")

--# links in a circle :: runtime leads in circles
files.write("link_circle/x", "x")

--# a chain of links that doubles :: runtime leads in circles
files.read("doubling_20")

--# links that stay inside work :: ok ["deep","deep","deep"]
return { files.read("link_in"), files.read("link_in_absolute"), files.read("link_in_folder/deep.txt") }

--# writing through a link that stays inside changes its target, and the link stays :: ok ["changed","changed"]
files.write("link_in", "changed")
return { files.read("sub/deep.txt"), files.read("link_in") }

--# a link to a new name inside makes the file :: ok "new"
files.write("dangling_in", "new")
return files.read("sub/new.txt")

--# no link is listed that leads out, and no folder behind a link :: ok []
local wrong = json.array()
for _, name in ipairs(files.list()) do
  if name:find("out") or name:find("folder/") or name:find("absolute", 1, true) == 6 then wrong[#wrong + 1] = name end
end
return wrong

--# a pattern does not lead through a link :: ok [[],[],[]]
return { files.list("link_folder/*"), files.list("link_root/etc/*"), files.list("link_self/**") }

--# names that no function takes are not listed :: ok []
local wrong = json.array()
for _, name in ipairs(files.list()) do
  if name:find("bad", 1, true) or name:find("\n", 1, true) then wrong[#wrong + 1] = name end
end
return wrong

--# a FIFO nobody writes to :: runtime is a FIFO
files.read("fifo")

--# writing to a FIFO :: runtime is a FIFO
files.append("fifo", "x")

--# replacing a FIFO :: runtime is a FIFO
files.write("fifo", "x")

--# a socket :: runtime is a socket
files.read("socket")

--# replacing a socket :: runtime is a socket
files.write("socket", "x")

--# a device by a link :: runtime leads out of the folder
files.read("link_zero")

--# writing to a device by a link :: runtime leads out of the folder
files.append("link_null", "x")

--# kinds that are no files are not listed :: ok []
local wrong = json.array()
for _, name in ipairs(files.list()) do if name == "fifo" or name == "socket" or name == "sub" then wrong[#wrong + 1] = name end end
return wrong

--# a hard link is the file itself: documented :: ok "secret"
return files.read("hard_link")

--# writing to a hard link replaces the name, and not the file :: ok "mine"
files.write("hard_link", "mine")
return files.read("hard_link")

--# a file larger than the memory limit :: limit has 1099511627776 bytes, more than the memory limit of 32M
files.read("huge.bin")

--# many files that together are larger than the memory limit :: limit needed more memory than its limit of 32M
local kept = {}
for index = 1, 20 do kept[index] = files.read("medium.bin") .. index end

--# writing more than the limit at once :: limit the files of a run may have 1M in all. Raise the limit with --files-limit
files.write("big", ("x"):rep((1 << 20) + 1))

--# writing more than the limit in pieces :: limit the files of a run may have 1M in all
for index = 1, 100 do files.write("piece" .. index % 3, ("x"):rep(1 << 14)) end

--# appending more than the limit :: limit the files of a run may have 1M in all
for index = 1, 100 do files.append("log", ("x"):rep(1 << 14)) end

--# what was refused does not count :: ok true
for index = 1, 3 do assert(not pcall(files.write, "big", ("x"):rep((1 << 20) + 1))) end
files.write("fits", ("x"):rep(1 << 20))
return #files.list("big") == 0

--# bytes stay as they are :: ok true
local all = {}
for byte = 0, 255 do all[#all + 1] = string.char(byte) end
local bytes = table.concat(all)
files.write("bytes", bytes)
files.append("bytes", bytes)
return files.read("bytes") == bytes .. bytes

--# a pattern that never ends :: ok []
return files.list(("**/"):rep(50) .. "*nothing*here*")

--# a pattern of many stars :: ok []
return files.list(("*a"):rep(500) .. "b")

--# a name that is a table :: runtime argument 1 must be a string, got table
files.read({})

--# a text that is a number :: runtime argument 2 must be a string, got number
files.write("x", 1)

--# no text :: runtime argument 2 must be a string, got nothing
files.write("x")

--# a replaced table changes nothing for the host :: ok "inside"
local read = files.read
files = nil
string.find, type, rawget = nil, nil, nil
return read("inside.txt")

--# the names of files that are written are not to be taken :: runtime does not exist
files.read(".kosmo-0123456789abcdef.part")

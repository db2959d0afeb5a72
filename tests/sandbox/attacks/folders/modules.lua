--# a name that leads up :: runtime is not the name of a module
require("../outside/module")

--# dots that lead up :: runtime is not the name of a module
require("...outside.module")

--# dots at the end :: runtime is not the name of a module
require("lib.")

--# an absolute name :: runtime is not the name of a module
require("/etc/passwd")

--# a slash :: runtime Write require('lib.good')
require("lib/good.lua")

--# a backslash :: runtime Write require('lib.good')
require("lib\\good")

--# a NUL :: runtime is not the name of a module
require("lib.good\0.x")

--# a line end :: runtime is not the name of a module
require("lib.good\n")

--# a name that is not UTF-8 :: runtime is not the name of a module
require("lib.\255")

--# an empty name :: runtime is not the name of a module
require("")

--# a name of a mebibyte :: runtime is not the name of a module
require(("x"):rep(1 << 20) .. "/")

--# a word that is too long for a file :: runtime cannot be read: File name too long
require(("x"):rep(300))

--# a name of many words :: runtime has more than 100 parts
require(("x."):rep(200) .. "x")

--# a number :: runtime argument 1 must be a string, got number
require(1)

--# a link out of the folder :: runtime leads out of the folder
require("link_out")

--# a folder that is a link out of the folder :: runtime leads out of the folder
require("link_folder.module")

--# links in a circle :: runtime leads in circles
require("link_self")

--# a link that stays inside :: ok "good"
return require("link_in")

--# a folder :: runtime is a folder
require("folder")

--# a FIFO :: runtime is a FIFO
require("fifo")

--# a device :: runtime leads out of the folder
require("zero")

--# bytecode :: runtime is bytecode, and only text is loaded
require("bytecode")

--# bytecode that is not quite :: syntax near '<\27>'|runtime is not UTF-8
require("nearly_bytecode")

--# text that is not UTF-8 :: runtime is not UTF-8: see line 2
require("latin")

--# a huge file :: limit is larger than 4 MiB
require("huge")

--# a module that requires itself :: runtime in a circle: itself -> itself
require("itself")

--# modules in a circle :: runtime in a circle: circle_a -> circle_b -> circle_c -> circle_a
require("circle_a")

--# a circle is found again, and again :: ok [false,false,true]
return { pcall(require, "circle_a"), pcall(require, "circle_a"), (pcall(require, "lib.good")) }

--# a module that is not there :: runtime Did you mean 'lib.good'?
require("lib.godo")

--# one instance, whatever a script makes of it :: ok [true,1,7]
local first = require("lib.counted")
first.value = 7
return { first == require("lib.counted"), loads, require("lib.counted").value }

--# a module that failed is loaded anew :: ok [false,false,2]
return { (pcall(require, "failing")), (pcall(require, "failing")), failures }

--# a module's globals are the script's, and no others :: ok ["nil","nil","nil","table"]
return require("what_there_is")

--# a module sees no locals of the script :: ok "nil"
local hidden = 1
return require("sees_hidden")

--# a module that yields :: runtime attempt to yield from the module 'yielding'
coroutine.wrap(function() require("yielding") end)()

--# a module that returns nothing, nil, false :: ok [true,true,false,false]
return { require("nothing"), require("nil"), require("false"), require("false") }

--# a module that never ends :: limit CPU time
require("endless")

--# a module that never ends, in a pcall :: limit CPU time
while true do pcall(require, "endless") end

--# a module that eats memory :: limit memory
require("hungry")

--# a module that ends the run :: ok 3
pcall(require, "ending")

--# a chain of modules longer than C's stack :: runtime stack overflow
require("deep.m1")

--# a module loaded by many branches is loaded once :: ok [1,1,1]
return flow.map({ 1, 2, 3 }, function() require("lib.counted") app.integrations.circleci.get_current_user() return loads end)

--# require replaced :: ok "mine"
require = function() return "mine" end
return require("lib.good")

--# no package, no loaders :: ok ["nil","nil","nil"]
return { type(package), type(loadfile), type(dofile) }

-- usage: load.lua HOW FILE: load it, print something that depends on all of it, stay a while. -HOW: load only.
local how, path = arg[1]:gsub("-", ""), arg[2]
local f = assert(io.open(path, "rb"))
local data
if how == "a" then
    data = f:read("a")
else
    local size = f:seek("end")
    f:seek("set")
    data = f:read(size)
end
f:close()
if arg[1]:sub(1, 1) == "-" then
    print(#data)
else
    local sum = 0
    for i = 1, #data - 7, 64 do
        sum = sum ~ string.unpack("<i8", data, i)
    end
    print(#data, sum)
    io.stdout:flush()
    os.execute("sleep " .. (os.getenv("STAY") or 1))
end

# usage: load.rb HOW FILE: load it, print something that depends on all of it, stay a while. -HOW: load only.
require 'zlib'
how = ARGV[0].delete_prefix('-')
data = how == 'binread' ? File.binread(ARGV[1]) : File.open(ARGV[1], 'rb') { |f| f.read }
if ARGV[0].start_with?('-')
  puts data.bytesize
else
  puts "#{data.bytesize} #{Zlib.crc32(data)}"
  $stdout.flush
  sleep((ENV["STAY"] || 1).to_f)
end

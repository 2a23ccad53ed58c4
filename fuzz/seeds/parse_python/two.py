import os
print "hello", 'x'
exec "a = 1" in {}
try:
  pass
except E, e:
  raise E, "x"
print >>f, `x`, 0777, ur"y"

module example.com/shop

go 1.22.1

toolchain go1.22.4

require example.com/alpha v1.0.0

require (
	example.com/beta/v2 v2.3.4 // indirect
	"example.com/quoted" v0.1.0
	example.com/replaced v1.0.0
	example.com/local v1.0.0
	example.com/unsummed v0.0.0-20240101000000-0123456789ab
)

replace (
	example.com/replaced v1.0.0 => example.com/fork v1.0.1
	example.com/local => ../local
)

exclude example.com/beta/v2 v2.3.4

retract [v0.0.1, v0.0.9] // broken

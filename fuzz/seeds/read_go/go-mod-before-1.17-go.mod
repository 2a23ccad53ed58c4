module example.com/shop

go 1.15

require example.com/alpha v1.0.0

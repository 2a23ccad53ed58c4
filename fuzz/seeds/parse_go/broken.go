package
func ( {
"
`
//go:
import "C"
/*
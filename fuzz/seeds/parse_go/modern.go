//go:build linux && !cgo
//go:generate sh -c "echo hi"
package main

/*
#include <stdlib.h>
#cgo LDFLAGS: -lm
*/
import "C"
import (
	. "fmt"
	_ "embed"
	x "os/exec"
	"net/http"
)

//go:embed data/*
var data string

type T[K comparable, V any] struct { *http.Client `json:"c,omitempty"`; m map[K][]chan<- V; f func(...int) (a, b error) }
const ( A = iota << 1; B; C_ rune = '\x41' )
func (t *T[K, V]) Do() (err error) { defer func() { recover() }(); go x.Command("e"+"cho", []string{"a", `b`}...).Run(); L: for i, r := range "s" { switch v := any(r).(type) { case int: continue L; default: goto E; _ = v }; _ = i }; select { case c <- 1: case v, ok := <-c: _, _ = v, ok }; E: return }
func init() { if b, err := http.Get("https://example.com/" + string([]byte{97, 98})); err == nil { Println(b, 0x1p-2, 1i, 0b1_0) } }
func main() {}

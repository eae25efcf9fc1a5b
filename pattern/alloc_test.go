//go:build !race

package pattern

import (
	"fmt"
	"testing"
)

// The race detector makes sync.Pool forget at random, hence the build tag.

func TestNoAllocations(t *testing.T) {
	var set Set[string]
	for i, text := range []string{
		`{"detail":{"a":["x",{"prefix":"y"},{"suffix":"z"},{"equals-ignore-case":"É"},{"wildcard":"a*b"}]}}`,
		`{"detail":{"b":[{"numeric":[">",5]},7,{"cidr":"10.0.0.0/8"}]}}`,
		`{"detail":{"c":{"d":["no"],"e":[{"exists":true}]}}}`,
		`{"detail":{"a":[{"anything-but":"q"}],"gone":[{"exists":false}],"b":["never"]}}`,
	} {
		if err := set.Add(fmt.Sprint(i), mustParse(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	event := []byte(`{"source":"s","detail":{"a":"q\u00e9","b":4.25,"c":[{"d":"no"},{"e":1}],"f":{"g":[1,2,{"h":"{"}]}}}`)
	dst := make([]string, 0, 8)
	if n := testing.AllocsPerRun(200, func() { dst = set.AppendMatches(dst[:0], event) }); n != 0 || len(dst) != 0 {
		t.Errorf("got %v allocations and matches %v, want none", n, dst)
	}
}

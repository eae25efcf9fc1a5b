package main

import "testing"

func TestRest(t *testing.T) {
	const mb = 1 << 20
	var r rest
	for i, step := range []struct {
		allocated uint64 // ever
		want      bool
	}{
		{100 * mb, false}, // it has just started
		{101 * mb, true},
		{102 * mb, false}, // it has been given back
		{103 * mb, false},
		{130 * mb, false}, // at work
		{170 * mb, false},
		{171 * mb, true},
		{180 * mb, false},
		{181 * mb, false}, // too little to be worth it
	} {
		if got := r.come(step.allocated); got != step.want {
			t.Errorf("step %d, %d MB: got %v, want %v", i, step.allocated/mb, got, step.want)
		}
	}
}

package pattern_test

import "math/bits"

// A pythonRandom is the Mersenne Twister as Python's random.Random seeds and
// reads it, so that the benchmarks use the very rules the data was counted
// with.
type pythonRandom struct {
	state [624]uint32
	next  int
}

// newPythonRandom seeds as random.Random(seed) does.
func newPythonRandom(seed uint32) *pythonRandom {
	r := &pythonRandom{next: 624}
	r.state[0] = 19650218
	for i := 1; i < 624; i++ {
		r.state[i] = 1812433253*(r.state[i-1]^r.state[i-1]>>30) + uint32(i)
	}
	i := 1
	step := func() {
		if i++; i == 624 {
			r.state[0] = r.state[623]
			i = 1
		}
	}
	for range 624 { // the key has one word
		r.state[i] = r.state[i] ^ (r.state[i-1]^r.state[i-1]>>30)*1664525 + seed
		step()
	}
	for range 623 {
		r.state[i] = (r.state[i] ^ (r.state[i-1]^r.state[i-1]>>30)*1566083941) - uint32(i)
		step()
	}
	r.state[0] = 1 << 31
	return r
}

func (r *pythonRandom) word() uint32 {
	if r.next == 624 {
		for i := range r.state {
			y := r.state[i]&(1<<31) | r.state[(i+1)%624]&(1<<31-1)
			r.state[i] = r.state[(i+397)%624] ^ y>>1 ^ y&1*0x9908B0DF
		}
		r.next = 0
	}
	y := r.state[r.next]
	r.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9D2C5680
	y ^= y << 15 & 0xEFC60000
	return y ^ y>>18
}

// below returns a number from 0 to n-1.
func (r *pythonRandom) below(n int) int {
	k := bits.Len(uint(n))
	for {
		if v := int(r.word() >> (32 - k)); v < n {
			return v
		}
	}
}

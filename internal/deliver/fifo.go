package deliver

// fifo is a queue in a ring.
type fifo struct {
	ring []*delivery
	head int
	n    int
}

func (q *fifo) len() int { return q.n }

func (q *fifo) first() *delivery { return q.ring[q.head] }

func (q *fifo) push(x *delivery) {
	if q.n == len(q.ring) {
		ring := make([]*delivery, max(8, 2*q.n))
		for i := range q.n {
			ring[i] = q.ring[(q.head+i)%len(q.ring)]
		}
		q.ring, q.head = ring, 0
	}
	q.ring[(q.head+q.n)%len(q.ring)] = x
	q.n++
}

func (q *fifo) pop() *delivery {
	x := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	if q.n == 0 && len(q.ring) > 1024 {
		q.ring, q.head = nil, 0
	}
	return x
}

package history

import (
	"encoding/binary"
	"errors"
	"slices"

	"bailey/internal/metrics"
)

// A point is what one series came to in one minute: the metrics that moved, by
// number, each once.
type point []measured

type measured struct {
	metric metrics.Metric
	values metrics.Values
}

// add adds values to the metric's.
func (p *point) add(m metrics.Metric, v metrics.Values) {
	i := 0
	for i < len(*p) && (*p)[i].metric < m {
		i++
	}
	if i == len(*p) || (*p)[i].metric != m {
		*p = append(*p, measured{})
		copy((*p)[i+1:], (*p)[i:])
		(*p)[i] = measured{metric: m}
	}
	(*p)[i].values.Add(v)
}

// version is what a stored point begins with.
const version = 1

// encode returns the form in which a point is stored: for each metric its
// number and its count, and where its values differ their sum, the smallest,
// how much larger the largest is, and the buckets, each as the distance from
// the one before it. All of them are varints.
func (p point) encode() []byte {
	dst := []byte{version}
	for _, m := range p {
		dst = append(dst, byte(m.metric))
		v := m.values
		dst = binary.AppendUvarint(dst, v.Count)
		if !m.metric.Distributed() {
			continue
		}
		dst = binary.AppendUvarint(dst, v.Sum)
		dst = binary.AppendUvarint(dst, v.Min)
		dst = binary.AppendUvarint(dst, v.Max-v.Min)
		dst = binary.AppendUvarint(dst, uint64(len(v.Buckets)))
		last := 0
		for _, b := range v.Buckets {
			dst = binary.AppendUvarint(dst, uint64(b.Index-last))
			dst = binary.AppendUvarint(dst, b.Count)
			last = b.Index
		}
	}
	return dst
}

var errDamaged = errors.New("what is stored of a minute is damaged")

// parsePoint reads what encode wrote.
func parsePoint(text []byte) (point, error) {
	if len(text) == 0 || text[0] != version {
		return nil, errDamaged
	}
	r := reader{text: text[1:]}
	var p point
	for len(r.text) > 0 && !r.bad {
		m := measured{metric: metrics.Metric(r.text[0])}
		r.text = r.text[1:]
		if m.metric.String() == "" || len(p) > 0 && p[len(p)-1].metric >= m.metric {
			return nil, errDamaged
		}
		count := r.number()
		if count == 0 {
			return nil, errDamaged
		}
		if m.values = metrics.Counted(count); m.metric.Distributed() {
			m.values = r.values(count)
		}
		p = append(p, m)
	}
	if r.bad {
		return nil, errDamaged
	}
	return p, nil
}

// A reader reads varints, until there is none where one should be.
type reader struct {
	text []byte
	bad  bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.text)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.text = r.text[size:]
	return n
}

func (r *reader) values(count uint64) metrics.Values {
	v := metrics.Values{Count: count, Sum: r.number(), Min: r.number()}
	v.Max = v.Min + r.number()
	buckets := r.number()
	if buckets == 0 || buckets > metrics.Buckets || v.Max < v.Min {
		r.bad = true
		return v
	}
	v.Buckets = make([]metrics.Bucket, buckets)
	last := 0
	var total uint64
	for i := range v.Buckets {
		distance := r.number()
		if distance >= metrics.Buckets || distance == 0 && i > 0 {
			r.bad = true
			return v
		}
		last += int(distance)
		v.Buckets[i] = metrics.Bucket{Index: last, Count: r.number()}
		if last >= metrics.Buckets || v.Buckets[i].Count == 0 || v.Buckets[i].Count > count-total {
			r.bad = true
			return v
		}
		total += v.Buckets[i].Count
	}
	r.bad = r.bad || total != count
	return v
}

// latest says in which minute each metric of a series moved last; 0 is never.
type latest [256]int64

func (l *latest) newest() int64 { return slices.Max(l[:]) }

func (l *latest) encode() []byte {
	dst := []byte{version}
	for m, at := range l {
		if at != 0 {
			dst = append(dst, byte(m))
			dst = binary.AppendVarint(dst, at)
		}
	}
	return dst
}

func parseLatest(text []byte) (*latest, error) {
	if len(text) == 0 || text[0] != version {
		return nil, errDamaged
	}
	l := new(latest)
	for text = text[1:]; len(text) > 0; {
		m := text[0]
		at, size := binary.Varint(text[1:])
		if size <= 0 {
			return nil, errDamaged
		}
		l[m] = at
		text = text[1+size:]
	}
	return l, nil
}

package cloudwatch

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// instant is a time on the wire: seconds since 1970 in CBOR and JSON, RFC 3339
// in the query protocol.
type instant struct{ time.Time }

var errInstant = errors.New("not a number of seconds in the years 1 to 9999")

func newInstant(seconds float64) (instant, error) {
	if !(seconds >= -62135596800 && seconds < 253402300800) {
		return instant{}, errInstant
	}
	return instant{time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()}, nil
}

func (t instant) seconds() float64 { return float64(t.UnixMilli()) / 1000 }

// MarshalJSON writes seconds since 1970.
func (t instant) MarshalJSON() ([]byte, error) { return json.Marshal(t.seconds()) }

// UnmarshalJSON reads seconds since 1970; null is no time at all and never
// comes here.
func (t *instant) UnmarshalJSON(text []byte) error {
	var seconds float64
	err := json.Unmarshal(text, &seconds)
	if err == nil {
		*t, err = newInstant(seconds)
	}
	return err
}

// epochTag is CBOR's tag for seconds since 1970.
const epochTag = 1

// MarshalCBOR writes seconds since 1970, tagged as such.
func (t instant) MarshalCBOR() ([]byte, error) {
	return cbor.Marshal(cbor.Tag{Number: epochTag, Content: t.seconds()})
}

// UnmarshalCBOR reads seconds since 1970, tagged as such.
func (t *instant) UnmarshalCBOR(text []byte) error {
	var tag cbor.RawTag
	if err := cborDecoding.Unmarshal(text, &tag); err != nil {
		return err
	}
	if tag.Number != epochTag {
		return errInstant
	}
	var seconds float64
	err := cborDecoding.Unmarshal(tag.Content, &seconds)
	if err == nil {
		*t, err = newInstant(seconds)
	}
	return err
}

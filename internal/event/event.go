// Package event is the envelope: what Bailey makes of an entry that a caller
// put, and what patterns, paths and targets see.
//
// An event is made once, as JSON text, and is then only read: matched, stored
// and sent as these bytes. Its detail is the caller's, byte for byte.
package event

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"
)

// Limits of an entry, from the EventBridge API.
const (
	// MaxEntries is the number of entries that one PutEvents call may hold.
	MaxEntries = 10
	// MaxTotalSize bounds the sizes of all entries of one call together, in
	// bytes, each counted as [Entry.Size] counts.
	MaxTotalSize = 1 << 20
	// MaxDetailType is how many characters a detail type may have.
	MaxDetailType = 128
	// MaxDepth is how deeply a detail may be nested.
	MaxDepth = 1000
)

// Entry is one entry of PutEvents, checked: Source and DetailType are not
// empty, and Detail is a JSON object.
type Entry struct {
	// Time is when it happened; zero means when Bailey took it.
	Time       time.Time
	Source     string
	DetailType string
	// Bus is the name of the event bus; empty means the default bus.
	Bus       string
	Resources []string
	// Detail is the text of a JSON object, kept as it is.
	Detail []byte
	// TraceHeader is an X-Ray trace header as the caller gave it: the entry's
	// own or, where that has none, the call's.
	TraceHeader string
}

// Size is what the entry counts towards [MaxTotalSize]: 14 bytes for a Time
// that was given, and the UTF-8 bytes of the source, the detail type, the
// detail and each resource.
func (e *Entry) Size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if !e.Time.IsZero() {
		n += 14
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}

// Result is the outcome of one entry: an id, or an error in AWS's words.
type Result struct {
	ID           ID
	ErrorCode    string
	ErrorMessage string
}

// Event is one event as Bailey took it. It is not changed after [New].
type Event struct {
	ID ID
	// JSON is the envelope: version, id, detail-type, source, account, time,
	// region, resources, detail, in this order.
	JSON []byte
	// Ingested is when Bailey took the event. Its age counts from here (X4).
	Ingested time.Time
	// TraceHeader is the event's [Trace], passed on to the target (R8), or empty.
	TraceHeader string
}

// New stamps entry with the id and puts it into its envelope.
func New(id ID, entry *Entry, account, region string, now time.Time) *Event {
	at := entry.Time
	if at.IsZero() {
		at = now
	}
	size := 190 + len(entry.Source) + len(entry.DetailType) + len(account) + len(region) + len(entry.Detail)
	for _, r := range entry.Resources {
		size += len(r) + 3
	}
	b := make([]byte, 0, size)
	b = append(b, idPrefix...)
	b = b[:len(b)+36]
	id.encode(b[len(idPrefix):])
	b = append(b, `","detail-type":`...)
	b = AppendString(b, entry.DetailType)
	b = append(b, `,"source":`...)
	b = AppendString(b, entry.Source)
	b = append(b, `,"account":`...)
	b = AppendString(b, account)
	b = append(b, `,"time":"`...)
	b = at.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	b = append(b, `","region":`...)
	b = AppendString(b, region)
	b = append(b, `,"resources":[`...)
	for i, r := range entry.Resources {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, r)
	}
	b = append(b, `],"detail":`...)
	b = append(b, entry.Detail...)
	b = append(b, '}')
	return &Event{ID: id, JSON: b, Ingested: now, TraceHeader: Trace(entry.TraceHeader, now)}
}

// Replayed returns the envelope of an event that is replayed: the same under
// another id, with the name of the replay, which AWS puts between region and
// resources.
func Replayed(id ID, envelope []byte, replay string) ([]byte, error) {
	if _, err := IDOf(envelope); err != nil {
		return nil, err
	}
	// A region is not the caller's to write, and nothing before it can hold
	// this text: in a string the quotation marks would be escaped.
	at := bytes.Index(envelope, []byte(beforeReplay))
	if at < 0 {
		return nil, fmt.Errorf("not an envelope: %.40q", envelope)
	}
	b := make([]byte, 0, len(envelope)+len(replay)+20)
	b = append(b, envelope[:at]...)
	id.encode(b[len(idPrefix):])
	b = append(b, `,"replay-name":`...)
	b = AppendString(b, replay)
	return append(b, envelope[at:]...), nil
}

const beforeReplay = `,"resources":[`

const idPrefix = `{"version":"0","id":"`

// IDOf reads the id out of an envelope that [New] made.
func IDOf(envelope []byte) (ID, error) {
	if len(envelope) < len(idPrefix)+36 || string(envelope[:len(idPrefix)]) != idPrefix {
		return ID{}, fmt.Errorf("not an envelope: %.40q", envelope)
	}
	return ParseID(string(envelope[len(idPrefix) : len(idPrefix)+36]))
}

// SourceOf returns the source of an envelope that [New] made, as it is written between its quotation marks in the JSON:
// characters that JSON escapes stay escaped. It is nil for any other text.
func SourceOf(envelope []byte) []byte {
	// The detail type before it cannot hold this text: its quotation marks would be escaped.
	_, source, ok := bytes.Cut(envelope, []byte(beforeSource))
	if !ok {
		return nil
	}
	for i := 0; i < len(source); i++ {
		switch source[i] {
		case '\\':
			i++
		case '"':
			return source[:i]
		}
	}
	return nil
}

const beforeSource = `,"source":"`

// AppendString appends text as a JSON string. Only what JSON requires is
// escaped; bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, text string) []byte {
	plain := true
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	dst = append(dst, '"')
	if plain {
		dst = append(dst, text...)
		return append(dst, '"')
	}
	const digits = "0123456789abcdef"
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// MarshalText makes an [ID] a string in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads an [ID] from a string in JSON.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

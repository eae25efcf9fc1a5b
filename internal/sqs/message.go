package sqs

import (
	"crypto/md5" //nolint:gosec // SQS's checksums are MD5; nothing is kept secret by them
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"bailey/internal/store"
)

// A handle is what a consumer is given to delete a message by, or to change its
// visibility: the message's number and its flight.
type handle struct {
	id    int64
	nonce uint64
}

// castagnoli checks that a handle is one, and of the queue that it is used
// with. It keeps mistakes out, not attackers.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (h handle) text(arn string) string {
	var b [20]byte
	binary.BigEndian.PutUint64(b[:], uint64(h.id))
	binary.BigEndian.PutUint64(b[8:], h.nonce)
	binary.BigEndian.PutUint32(b[16:], crc32.Update(crc32.Checksum(b[:16], castagnoli), castagnoli, []byte(arn)))
	return base64.StdEncoding.EncodeToString(b[:])
}

// parseHandle reads what [handle.text] writes for the same queue.
func parseHandle(text, arn string) (handle, bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != 20 {
		return handle{}, false
	}
	h := handle{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])}
	return h, h.text(arn) == text
}

// messageAttribute is a message attribute in an answer. All of a dead letter's
// are text.
type messageAttribute struct {
	DataType    string
	StringValue string
}

// message is a message in an answer.
type message struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string           `json:",omitempty"`
	MD5OfMessageAttributes string                      `json:",omitempty"`
	MessageAttributes      map[string]messageAttribute `json:",omitempty"`
}

// systemAttributes are SQS's names. What a message here does not have is not in
// the answer, as in SQS's.
var systemAttributes = []string{
	"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SequenceNumber",
	"MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn",
}

// known refuses names that are not among the attributes.
func known(attributes, names []string) error {
	for _, name := range names {
		if !slices.Contains(attributes, name) {
			return refuse("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute "+name+".")
		}
	}
	return nil
}

// message makes an answer of a message, with the attributes that are asked for.
func (r *received) message(arn, account string, system, attributes []string) message {
	d := &r.letter
	m := message{
		MessageID:     messageID(arn, d.ID, d.At),
		ReceiptHandle: handle{d.ID, r.flight.nonce}.text(arn),
		MD5OfBody:     md5Hex(d.Body),
		Body:          string(d.Body),
	}
	for name, value := range map[string]string{
		"SenderId":                         account,
		"SentTimestamp":                    strconv.FormatInt(d.At.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(r.flight.received),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(r.flight.first.UnixMilli(), 10),
		"AWSTraceHeader":                   string(store.Permitted([]byte(d.TraceHeader))),
	} {
		if value != "" && (slices.Contains(system, name) || slices.Contains(system, "All")) {
			if m.Attributes == nil {
				m.Attributes = map[string]string{}
			}
			m.Attributes[name] = value
		}
	}
	for name, value := range d.Attributes() {
		if selects(attributes, name) {
			if m.MessageAttributes == nil {
				m.MessageAttributes = map[string]messageAttribute{}
			}
			m.MessageAttributes[name] = messageAttribute{"String", value}
		}
	}
	if len(m.MessageAttributes) > 0 {
		m.MD5OfMessageAttributes = md5OfAttributes(m.MessageAttributes)
	}
	return m
}

// selects reports whether a message attribute is asked for: by its name, by
// the beginning of its name and .*, or by All.
func selects(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		prefix, wild := strings.CutSuffix(n, ".*")
		return n == name || n == "All" || wild && strings.HasPrefix(name, prefix)
	})
}

// messageID is a UUID that a message has for as long as it is in its queue.
func messageID(arn string, id int64, at time.Time) string {
	sum := md5.Sum(fmt.Appendf(nil, "%s %d %d", arn, id, at.UnixMilli())) //nolint:gosec // a name-based UUID, version 3
	sum[6] = sum[6]&0x0f | 0x30
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:])
}

func md5Hex(b []byte) string {
	sum := md5.Sum(b) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is the checksum by which clients see that they have all the
// attributes: of each, by name, the name, the type, a 1 for text, and the
// value, each but the 1 with its length in four bytes before it.
func md5OfAttributes(attributes map[string]messageAttribute) string {
	var b []byte
	add := func(text string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		add(name)
		add(attributes[name].DataType)
		b = append(b, 1)
		add(attributes[name].StringValue)
	}
	return md5Hex(b)
}

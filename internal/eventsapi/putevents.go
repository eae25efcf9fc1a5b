package eventsapi

import (
	"context"
	"errors"
	"strconv"

	"bailey/internal/awsjson"
	"bailey/internal/event"
	"bailey/internal/metrics"
)

type putEventsInput struct {
	Entries []struct {
		Time         *awsjson.Time
		Source       string
		Resources    []string
		DetailType   string
		Detail       string
		EventBusName string
		TraceHeader  string
	}
}

// putEvents takes the entries of a call. What is wrong with the call as a whole
// is its error; what is wrong with one entry is found by the router and is that
// entry's result. An entry for a bus that is not there is taken and goes
// nowhere, as in AWS. An entry without a trace header has that of the call.
func (a *api) putEvents(ctx context.Context, c *awsjson.Call) ([]byte, error) {
	call := metrics.Call{Refused: true, Started: a.now()}
	defer func() {
		call.Ended = a.now()
		a.metrics.Called(c.Region, call)
	}()
	reader := a.readers.Get().(*entryReader)
	defer a.release(reader)
	entries, ok := reader.read(c.Body)
	if !ok {
		var in putEventsInput
		if err := c.Decode(&in); err != nil {
			return nil, err
		}
		entries = in.entries()
	}
	if c.Trace != "" && !shapeTraceHeader.Takes(c.Trace) {
		c.Trace = "" // longer than an entry's may be
	}
	size := 0
	for i := range entries {
		size += entries[i].Size()
		entries[i].Bus = a.rules.BusName(c.Region, entries[i].Bus)
		if entries[i].TraceHeader == "" {
			entries[i].TraceHeader = c.Trace
		}
	}
	if size > event.MaxTotalSize {
		return nil, invalid("Total size of the entries in the request is over the limit.")
	}
	results, err := a.events.PutEvents(ctx, c.Region, entries)
	if err != nil {
		err = answer(err)
		e, ok := errors.AsType[*awsjson.Error](err)
		call.Throttled = ok && e.Code == "ThrottlingException"
		return nil, err
	}
	dst, failed := appendResults(make([]byte, 0, 40+len(results)*len(`{"EventId":"01936c5e-0000-7000-8000-000000000000"},`)), results)
	call.Refused, call.RequestSize, call.Entries, call.FailedEntries = false, size, len(entries), failed
	return dst, nil
}

// maxPooled is the largest memory of an entryReader that is kept for the next
// call, in bytes.
const maxPooled = 1 << 20

func (a *api) release(r *entryReader) {
	if cap(r.unescaped) <= maxPooled {
		a.readers.Put(r)
	}
}

// entries is the input as the router takes it.
func (in *putEventsInput) entries() []event.Entry {
	entries := make([]event.Entry, len(in.Entries))
	for i := range in.Entries {
		from := &in.Entries[i]
		entries[i] = event.Entry{
			Source:      from.Source,
			DetailType:  from.DetailType,
			Bus:         from.EventBusName,
			Resources:   from.Resources,
			Detail:      []byte(from.Detail),
			TraceHeader: from.TraceHeader,
		}
		if from.Time != nil {
			entries[i].Time = from.Time.Time
		}
	}
	return entries
}

// appendResults appends the answer of a PutEvents call and counts the entries
// in it that failed.
func appendResults(dst []byte, results []event.Result) (answer []byte, failed int) {
	dst = append(dst, `{"Entries":[`...)
	for i, r := range results {
		if i > 0 {
			dst = append(dst, ',')
		}
		if r.ErrorCode == "" {
			dst = append(dst, `{"EventId":"`...)
			dst = r.ID.Append(dst)
			dst = append(dst, `"}`...)
			continue
		}
		failed++
		dst = append(dst, `{"ErrorCode":`...)
		dst = event.AppendString(dst, r.ErrorCode)
		dst = append(dst, `,"ErrorMessage":`...)
		dst = event.AppendString(dst, r.ErrorMessage)
		dst = append(dst, '}')
	}
	dst = append(dst, `],"FailedEntryCount":`...)
	dst = strconv.AppendInt(dst, int64(failed), 10)
	return append(dst, '}'), failed
}

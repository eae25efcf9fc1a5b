package cloudwatch

import (
	"cmp"
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Limits of GetMetricData.
const (
	maxQueries   = 500
	maxPage      = 100_800 // datapoints
	maxRawPoints = 500_000 // datapoints of a call in all
)

type dataInput struct {
	MetricDataQueries  []dataQuery
	StartTime, EndTime *instant
	NextToken          string
	ScanBy             string
	MaxDatapoints      *int
}

type dataQuery struct {
	ID         string `json:"Id"`
	MetricStat *metricStat
	Expression string
	Label      string
	ReturnData *bool
	Period     *int
}

type metricStat struct {
	Metric *metric
	Period *int
	Stat   string
	Unit   string
}

type dataOutput struct {
	MetricDataResults []dataResult
	NextToken         string `json:",omitempty"`
	Messages          []message
}

type dataResult struct {
	ID         string `json:"Id"`
	Label      string
	Timestamps []instant
	Values     []float64
	StatusCode string
}

type message struct{ Code, Value string }

// A line is a time series: values by when their period begins, in seconds since
// 1970.
type line map[int64]float64

// getMetricData returns datapoints of many metrics, and of expressions over
// them.
func (a *api) getMetricData(ctx context.Context, region string, in *dataInput) (*dataOutput, error) {
	skip, err := in.check()
	if err != nil {
		return nil, err
	}
	lines := make(map[string]line, len(in.MetricDataQueries))
	points := 0
	for _, q := range in.MetricDataQueries {
		if q.MetricStat == nil {
			continue
		}
		if lines[q.ID], err = a.line(ctx, region, in, q.MetricStat); err != nil {
			return nil, err
		}
		if points += len(lines[q.ID]); points > maxRawPoints {
			return nil, invalid("The request asks for more than " + thousands(maxRawPoints) + " datapoints. Reduce the time range or the number of metrics.")
		}
	}
	if err := evaluate(in.MetricDataQueries, lines); err != nil {
		return nil, err
	}
	return in.page(lines, skip), nil
}

// line reads the datapoints of one metric.
func (a *api) line(ctx context.Context, region string, in *dataInput, m *metricStat) (line, error) {
	s, ok := choose(region, m.Metric.Namespace, m.Metric.MetricName, m.Metric.Dimensions)
	if !ok || m.Unit != "" && m.Unit != s.metric.Unit() {
		return line{}, nil
	}
	periods, err := a.read(ctx, s, newWindow(in.StartTime.Time, in.EndTime.Time, int64(*m.Period)))
	if err != nil {
		return nil, err
	}
	statistic, _ := parseStatistic(m.Stat) // check has read it
	out := make(line, len(periods))
	for begin, values := range periods {
		out[begin] = statistic(s.metric, &values)
	}
	return out, nil
}

// page returns the results from the datapoint that skip counts up to, over all
// of them in order, as many as the caller wants at once.
func (in *dataInput) page(lines map[string]line, skip int) *dataOutput {
	room := maxPage
	if in.MaxDatapoints != nil {
		room = min(*in.MaxDatapoints, maxPage)
	}
	out := &dataOutput{MetricDataResults: []dataResult{}, Messages: []message{}}
	at, first := 0, skip == 0
	for i := range in.MetricDataQueries {
		q := &in.MetricDataQueries[i]
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		times := slices.Sorted(maps.Keys(lines[q.ID]))
		if in.ScanBy != "TimestampAscending" {
			slices.Reverse(times)
		}
		from := min(max(skip-at, 0), len(times))
		at += len(times)
		if from == len(times) && (len(times) > 0 || !first) {
			continue // on a page before this one
		}
		to := min(from+room, len(times))
		if from == to && len(times) > 0 {
			out.NextToken = tokenOf(at - len(times) + from)
			break
		}
		r := dataResult{ID: q.ID, Label: cmp.Or(q.Label, q.name()), Timestamps: []instant{}, Values: []float64{}, StatusCode: "Complete"}
		for _, begin := range times[from:to] {
			r.Timestamps = append(r.Timestamps, instant{time.Unix(begin, 0).UTC()})
			r.Values = append(r.Values, lines[q.ID][begin])
		}
		room -= to - from
		if to < len(times) {
			r.StatusCode = "PartialData"
			out.NextToken = tokenOf(at - len(times) + to)
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
		if out.NextToken != "" {
			break
		}
	}
	return out
}

// name is the label of a query that has none of its own.
func (q *dataQuery) name() string {
	if q.MetricStat != nil {
		return q.MetricStat.Metric.MetricName
	}
	return q.ID
}

func tokenOf(skip int) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, int64(skip), 10))
}

func parseToken(token string) (skip int, err error) {
	if token == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		skip, err = strconv.Atoi(string(text))
	}
	if err != nil || skip <= 0 {
		return 0, &apiError{code: "InvalidNextToken", message: "Invalid nextToken"}
	}
	return skip, nil
}

package cloudwatch

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pageSize is how many metrics ListMetrics returns at once.
const pageSize = 500

type dimensionFilter struct{ Name, Value string }

type listInput struct {
	Namespace, MetricName string
	Dimensions            []dimensionFilter
	NextToken             string
	RecentlyActive        string
	IncludeLinkedAccounts bool
	OwningAccount         string
}

type listOutput struct {
	Metrics   []metric
	NextToken string `json:",omitempty"`
}

type metric struct {
	Namespace, MetricName string
	Dimensions            []dimension
}

func (m *metric) key() string {
	var b strings.Builder
	b.WriteString(m.MetricName)
	for _, d := range m.Dimensions {
		b.WriteString("\x00" + d.Name + "\x00" + d.Value)
	}
	return b.String()
}

// listMetrics returns the metrics that have minutes, in order of their names and
// dimensions.
func (a *api) listMetrics(_ context.Context, region string, in *listInput) (*listOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	out := &listOutput{Metrics: []metric{}}
	if in.Namespace != "" && in.Namespace != Namespace {
		return out, nil
	}
	since := time.Time{}
	if in.RecentlyActive != "" {
		since = a.config.Now().Add(-3 * time.Hour)
	}
	found := make(map[string]metric)
	for _, k := range a.config.History.List(region) {
		if k.Latest.Before(since) {
			continue
		}
		for _, dimensions := range names(k) {
			m := metric{Namespace, k.Metric.String(), dimensions}
			if in.selects(&m) {
				found[m.key()] = m
			}
		}
	}
	keys := make([]string, 0, len(found))
	for key := range found {
		if key > in.NextToken {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys[:min(len(keys), pageSize)] {
		out.Metrics = append(out.Metrics, found[key])
	}
	if len(keys) > pageSize {
		out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(keys[pageSize-1]))
	}
	return out, nil
}

func (in *listInput) check() error {
	if in.RecentlyActive != "" && in.RecentlyActive != "PT3H" {
		return invalid("1 validation error detected: Value '" + in.RecentlyActive + "' at 'recentlyActive' failed to satisfy constraint: " +
			"Member must satisfy enum value set: [PT3H]")
	}
	for i, d := range in.Dimensions {
		if d.Name == "" {
			return missing("Dimensions.member." + strconv.Itoa(i+1) + ".Name")
		}
	}
	if in.NextToken != "" {
		// The token is the last metric of the page before.
		last, err := base64.RawURLEncoding.DecodeString(in.NextToken)
		if err != nil {
			return invalidValue("Request parameter NextToken is invalid")
		}
		in.NextToken = string(last)
	}
	return nil
}

// selects reports whether the metric has the name and every dimension that the
// caller asks for; a filter without a value takes any.
func (in *listInput) selects(m *metric) bool {
	if in.MetricName != "" && in.MetricName != m.MetricName {
		return false
	}
	for _, f := range in.Dimensions {
		if !slices.ContainsFunc(m.Dimensions, func(d dimension) bool {
			return d.Name == f.Name && cmp.Or(f.Value, d.Value) == d.Value
		}) {
			return false
		}
	}
	return true
}

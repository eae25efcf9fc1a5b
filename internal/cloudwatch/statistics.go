package cloudwatch

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"bailey/internal/metrics"
)

// maxDatapoints is how many datapoints GetMetricStatistics returns at most.
const maxDatapoints = 1440

type statisticsInput struct {
	Namespace, MetricName          string
	Dimensions                     []dimension
	StartTime, EndTime             *instant
	Period                         *int
	Statistics, ExtendedStatistics []string
	Unit                           string
}

type statisticsOutput struct {
	Label      string
	Datapoints []datapoint
}

type datapoint struct {
	Timestamp          instant
	SampleCount        *float64           `json:",omitempty"`
	Average            *float64           `json:",omitempty"`
	Sum                *float64           `json:",omitempty"`
	Minimum            *float64           `json:",omitempty"`
	Maximum            *float64           `json:",omitempty"`
	Unit               string             `json:",omitempty"`
	ExtendedStatistics map[string]float64 `json:",omitempty"`
}

// set sets the statistic of the name.
func (d *datapoint) set(statistic string, to float64) {
	switch statistic {
	case "SampleCount":
		d.SampleCount = &to
	case "Average":
		d.Average = &to
	case "Sum":
		d.Sum = &to
	case "Minimum":
		d.Minimum = &to
	case "Maximum":
		d.Maximum = &to
	default:
		if d.ExtendedStatistics == nil {
			d.ExtendedStatistics = make(map[string]float64)
		}
		d.ExtendedStatistics[statistic] = to
	}
}

// statistics are those that are no percentiles, in AWS's order.
var statistics = []string{"SampleCount", "Average", "Sum", "Minimum", "Maximum"}

// getMetricStatistics returns the datapoints of one metric, oldest first.
func (a *api) getMetricStatistics(ctx context.Context, region string, in *statisticsInput) (*statisticsOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	out := &statisticsOutput{Label: in.MetricName, Datapoints: []datapoint{}}
	s, ok := choose(region, in.Namespace, in.MetricName, in.Dimensions)
	if !ok || in.Unit != "" && in.Unit != s.metric.Unit() {
		return out, nil
	}
	periods, err := a.read(ctx, s, newWindow(in.StartTime.Time, in.EndTime.Time, int64(*in.Period)))
	if err != nil {
		return nil, err
	}
	for _, begin := range slices.Sorted(maps.Keys(periods)) {
		values := periods[begin]
		d := datapoint{Timestamp: instant{time.Unix(begin, 0).UTC()}, Unit: s.metric.Unit()}
		for _, name := range slices.Concat(in.Statistics, in.ExtendedStatistics) {
			statistic, _ := parseStatistic(name) // check has read it
			d.set(name, statistic(s.metric, &values))
		}
		out.Datapoints = append(out.Datapoints, d)
	}
	return out, nil
}

func (in *statisticsInput) check() error {
	switch {
	case in.Namespace == "":
		return missing("Namespace")
	case in.MetricName == "":
		return missing("MetricName")
	case in.StartTime == nil:
		return missing("StartTime")
	case in.EndTime == nil:
		return missing("EndTime")
	case in.Period == nil:
		return missing("Period")
	}
	if *in.Period < 1 {
		return tooShort(*in.Period, "period")
	}
	for i, d := range in.Dimensions {
		if name := d.missing(i); name != "" {
			return missing(name)
		}
	}
	switch {
	case !isPeriod(*in.Period):
		return invalidValue("The parameter Period must be " + periods)
	case in.StartTime.Equal(in.EndTime.Time):
		return invalidValue(sameTime)
	case in.StartTime.After(in.EndTime.Time):
		return invalidValue("The parameter StartTime must be less than the parameter EndTime.")
	case len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0:
		return invalidCombination("Must specify either Statistics or ExtendedStatistics")
	case len(in.Statistics) > 0 && len(in.ExtendedStatistics) > 0:
		return invalidCombination("Must specify either Statistics or ExtendedStatistics, but not both.")
	case in.Unit != "" && !slices.Contains(units, in.Unit):
		return invalidValue("The parameter Unit must be a value in the set [" + strings.Join(units, ", ") + "].")
	}
	for i, name := range in.Statistics {
		if !slices.Contains(statistics, name) {
			return invalidValue(fmt.Sprintf("The parameter Statistics.member.%d.<list element> must be a value in the set [%s].", i+1, strings.Join(statistics, ", ")))
		}
	}
	for i, name := range in.ExtendedStatistics {
		if _, ok := parseStatistic(name); !ok || slices.Contains(statistics, name) {
			return invalidValue(noStatistic(name, fmt.Sprintf("ExtendedStatistics.member.%d", i+1)))
		}
	}
	period := time.Duration(*in.Period) * time.Second
	if n := (in.EndTime.Sub(in.StartTime.Time) + period - 1) / period; n > maxDatapoints {
		return invalidCombination("You have requested up to " + strconv.FormatInt(int64(n), 10) + " datapoints, which exceeds the limit of 1440. " +
			"You may reduce the datapoints requested by increasing Period, or decreasing the time range.")
	}
	return nil
}

// In AWS's words.
const (
	sameTime = "The parameter StartTime must not equal parameter EndTime."
	periods  = "a value in the set [ 1, 5, 10, 20, 30 ] or any multiple of 60."
)

// units are CloudWatch's.
var units = []string{"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits",
	"Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second",
	"Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second", "None"}

// tooShort says that a period is not positive.
func tooShort(period int, path string) error {
	return invalid(fmt.Sprintf("1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: "+
		"Member must have value greater than or equal to 1", period, path))
}

// isPeriod reports whether CloudWatch takes a period, which is positive.
func isPeriod(period int) bool {
	return period%60 == 0 || slices.Contains([]int{1, 5, 10, 20, 30}, period)
}

// missing returns the name of the part that a dimension, the i-th of its list,
// does not have; empty if it has both.
func (d dimension) missing(i int) string {
	switch {
	case d.Name == "":
		return fmt.Sprintf("Dimensions.member.%d.Name", i+1)
	case d.Value == "":
		return fmt.Sprintf("Dimensions.member.%d.Value", i+1)
	}
	return ""
}

// notOurs are the statistics that CloudWatch has and Bailey does not: trimmed
// means and what is made like them.
var notOurs = regexp.MustCompile(`^(?:(?:tm|wm|tc|ts)[0-9]+(?:\.[0-9]+)?|(?:TM|WM|TC|TS|PR)\([0-9.]*%?:[0-9.]*%?\)|IQM)$`)

// noStatistic is AWS's message for a statistic that does not exist, and Bailey's
// own for one that only AWS has.
func noStatistic(name, parameter string) string {
	if notOurs.MatchString(name) {
		return fmt.Sprintf("The value %s for parameter %s is not supported by Bailey, which has %s and the percentiles p0 to p100.", name, parameter, strings.Join(statistics, ", "))
	}
	return fmt.Sprintf("The value %s for parameter %s is not a valid statistic.", name, parameter)
}

// thousands writes a number as AWS's messages do: 1,440.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// A statistic makes one number of a period's values, in the metric's unit.
type statistic func(metrics.Metric, *metrics.Values) float64

// parseStatistic reads a statistic: SampleCount, Average, Sum, Minimum, Maximum,
// or a percentile from p0 to p100, with up to ten digits after the point.
func parseStatistic(name string) (statistic, bool) {
	switch name {
	case "SampleCount":
		return func(_ metrics.Metric, v *metrics.Values) float64 { return float64(v.Count) }, true
	case "Average":
		return func(m metrics.Metric, v *metrics.Values) float64 { return m.Scale(float64(v.Sum)) / float64(v.Count) }, true
	case "Sum":
		return func(m metrics.Metric, v *metrics.Values) float64 { return m.Scale(float64(v.Sum)) }, true
	case "Minimum":
		return func(m metrics.Metric, v *metrics.Values) float64 { return m.Scale(float64(v.Min)) }, true
	case "Maximum":
		return func(m metrics.Metric, v *metrics.Values) float64 { return m.Scale(float64(v.Max)) }, true
	}
	p, ok := parsePercentile(name)
	return func(m metrics.Metric, v *metrics.Values) float64 { return m.Scale(v.Percentile(m, p)) }, ok
}

func parsePercentile(name string) (float64, bool) {
	text, ok := strings.CutPrefix(name, "p")
	if !ok || len(text) > len("99.0123456789") || strings.Trim(text, ".0123456789") != "" || !isDigit(text) {
		return 0, false
	}
	p, err := strconv.ParseFloat(text, 64)
	return p, err == nil && p <= 100
}

func isDigit(text string) bool { return text != "" && '0' <= text[0] && text[0] <= '9' }

package cloudwatch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxProblems bounds how many of a call's mistakes one message lists.
const maxProblems = 100

// problems are what is wrong with a call of GetMetricData: AWS lists them all,
// each on a line of its own, the last one too.
type problems []string

func (p *problems) add(format string, args ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

func (p *problems) required(name string) { p.add("The parameter %s is required.", name) }

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return invalid(strings.Join(p, "\n") + "\n")
}

var idPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// check says what is wrong with the call; if nothing is, how many datapoints its
// token skips.
func (in *dataInput) check() (skip int, err error) {
	if err := in.checkModel(); err != nil {
		return 0, err
	}
	var p problems
	if len(in.MetricDataQueries) == 0 {
		p.required("MetricDataQueries")
	}
	switch {
	case in.StartTime == nil || in.EndTime == nil:
		if in.StartTime == nil {
			p.required("StartTime")
		}
		if in.EndTime == nil {
			p.required("EndTime")
		}
	case in.StartTime.Equal(in.EndTime.Time):
		p.add("%s", sameTime)
	case in.StartTime.After(in.EndTime.Time):
		p.add("The parameter EndTime must be greater than StartTime.")
	}
	if len(in.MetricDataQueries) > maxQueries {
		p.add("The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
		return 0, p.err()
	}
	if in.MaxDatapoints != nil && *in.MaxDatapoints < 1 {
		p.add("The parameter MaxDatapoints must be greater than 0.")
	}
	seen := make(map[string]bool)
	twice, returned := false, len(in.MetricDataQueries) == 0
	for i := range in.MetricDataQueries {
		q := &in.MetricDataQueries[i]
		twice = twice || seen[q.ID]
		seen[q.ID] = true
		q.check(&p, fmt.Sprintf("MetricDataQueries.member.%d.", i+1))
		returned = returned || q.ReturnData == nil || *q.ReturnData
	}
	if twice {
		p.add("The values for parameter id in MetricDataQueries must be unique.")
	}
	if !returned {
		p.add("At least one of the MetricDataQueries must return data.")
	}
	if err := p.err(); err != nil {
		return 0, err
	}
	return parseToken(in.NextToken)
}

// checkModel applies the constraints of the service's model, which AWS looks at
// first.
func (in *dataInput) checkModel() error {
	if in.ScanBy != "" && in.ScanBy != "TimestampDescending" && in.ScanBy != "TimestampAscending" {
		return invalid("1 validation error detected: Value '" + in.ScanBy + "' at 'scanBy' failed to satisfy constraint: " +
			"Member must satisfy enum value set: [TimestampDescending, TimestampAscending]")
	}
	for i := range in.MetricDataQueries {
		q := &in.MetricDataQueries[i]
		at := fmt.Sprintf("metricDataQueries.%d.member.", i+1)
		if q.Period != nil && *q.Period < 1 {
			return tooShort(*q.Period, at+"period")
		}
		if q.MetricStat != nil && q.MetricStat.Period != nil && *q.MetricStat.Period < 1 {
			return tooShort(*q.MetricStat.Period, at+"metricStat.period")
		}
	}
	return nil
}

func (q *dataQuery) check(p *problems, at string) {
	switch {
	case q.ID == "":
		p.required(at + "Id")
	case !idPattern.MatchString(q.ID):
		p.add("The value %s for parameter %sId is not matching the expected pattern %s.", q.ID, at, idPattern)
	}
	switch {
	case q.MetricStat == nil && q.Expression == "":
		p.required(at + "MetricStat")
	case q.MetricStat != nil && q.Expression != "":
		p.add("The parameters %sExpression and %sMetricStat are mutually exclusive and you have specified both.", at, at)
	}
	if q.Period != nil && !isPeriod(*q.Period) {
		p.add("The parameter %sPeriod must be %s", at, periods)
	}
	if q.MetricStat != nil {
		q.MetricStat.check(p, at+"MetricStat.")
	}
}

func (m *metricStat) check(p *problems, at string) {
	switch {
	case m.Metric == nil:
		p.required(at + "Metric")
	default:
		if m.Metric.Namespace == "" {
			p.required(at + "Metric.Namespace")
		}
		if m.Metric.MetricName == "" {
			p.required(at + "Metric.MetricName")
		}
		for i, d := range m.Metric.Dimensions {
			if name := d.missing(i); name != "" {
				p.required(at + "Metric." + name)
			}
		}
	}
	switch {
	case m.Period == nil:
		p.required(at + "Period")
	case !isPeriod(*m.Period):
		p.add("The parameter %sPeriod must be %s", at, periods)
	}
	if _, ok := parseStatistic(m.Stat); !ok {
		switch {
		case m.Stat == "":
			p.required(at + "Stat")
		default:
			p.add("%s", noStatistic(m.Stat, at+"Stat"))
		}
	}
	if m.Unit != "" && !slices.Contains(units, m.Unit) {
		p.add("The parameter %sUnit must be a value in the set [%s].", at, strings.Join(units, ", "))
	}
}

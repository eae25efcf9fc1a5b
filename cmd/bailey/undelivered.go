package main

import (
	"net/url"
	"strconv"

	"bailey/internal/admin"
)

// undelivered says which deliveries that were given up, and messages about them, are meant.
type undelivered struct {
	Queue  string `help:"Only those in the dead-letter queue with this ARN." placeholder:"ARN"`
	Rule   string `help:"Only those of this rule." placeholder:"NAME"`
	Target string `help:"Only those to the target with this id." placeholder:"ID"`
	API    string `name:"api" help:"Only those to this API." placeholder:"ID"`
	Bus    string `help:"Only those from this event bus." placeholder:"NAME"`
	Error  string `help:"Only those given up with this error code, such as TIMEOUT." placeholder:"CODE"`
	Since  string `help:"Only those given up since then: a time (RFC 3339) or how long ago, such as 15m or 7d." placeholder:"WHEN"`
	Until  string `help:"Only those given up before then." placeholder:"WHEN"`
}

// named reports whether anything is selected.
func (u *undelivered) named() bool { return *u != undelivered{} }

// of returns the selection as the admin API has it.
func (u *undelivered) of(event, region string) admin.Undelivered {
	return admin.Undelivered{
		Queue: u.Queue, EventID: event, Region: region, EventBusName: u.Bus, Rule: u.Rule, Target: u.Target, API: u.API,
		ErrorCode: u.Error, Since: u.Since, Until: u.Until,
	}
}

// query returns the selection as parameters.
func (u *undelivered) query(event, region string) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"queue": u.Queue, "eventId": event, "region": region, "eventBusName": u.Bus, "rule": u.Rule, "target": u.Target,
		"api": u.API, "errorCode": u.Error, "since": u.Since, "until": u.Until,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

func itoa(id int64) string { return strconv.FormatInt(id, 10) }

// Package arn reads and makes Amazon Resource Names: those of rules and event
// buses, which Bailey hands out, and those of API Gateway methods, which name
// the target of an event.
//
// Everything here is a pure function of its arguments and safe for concurrent
// use. Callers bound the length of what they pass; the AWS API allows a
// target's ARN 1,600 characters.
package arn

import (
	"fmt"
	"strings"
)

// An ARN is an Amazon Resource Name taken apart:
//
//	arn:{partition}:{service}:{region}:{account}:{resource}
type ARN struct {
	Partition string // "aws", "aws-cn", ...; never empty
	Service   string // "events", "execute-api", ...; never empty
	Region    string // empty where the service has no regions
	Account   string // empty where the resource has no owner
	Resource  string // may itself have colons and slashes; never empty
}

// Parse takes an ARN apart. Partition, service and resource must not be empty,
// and no part may have a space or a control character. Whether the resource
// exists or the service does is not looked at.
func Parse(text string) (ARN, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ARN{}, fmt.Errorf("ARN %q does not have the form arn:partition:service:region:account:resource", text)
	}
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c == 0x7F {
			return ARN{}, fmt.Errorf("ARN %q has a space or a control character", text)
		}
	}
	a := ARN{Partition: parts[1], Service: parts[2], Region: parts[3], Account: parts[4], Resource: parts[5]}
	if a.Partition == "" || a.Service == "" || a.Resource == "" {
		return ARN{}, fmt.Errorf("ARN %q lacks its partition, service or resource", text)
	}
	return a, nil
}

// String puts the ARN together again: the text that Parse took apart.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// DefaultBus is the name of the event bus that every account has in every
// region, and that the ARNs of its rules leave out.
const DefaultBus = "default"

// Rule returns the ARN of a rule. The ARN of a rule on the default bus does not
// name the bus.
func Rule(partition, region, account, bus, name string) string {
	resource := "rule/" + name
	if bus != DefaultBus {
		resource = "rule/" + bus + "/" + name
	}
	return ARN{Partition: partition, Service: "events", Region: region, Account: account, Resource: resource}.String()
}

// EventBus returns the ARN of an event bus.
func EventBus(partition, region, account, name string) string {
	return ARN{Partition: partition, Service: "events", Region: region, Account: account, Resource: "event-bus/" + name}.String()
}

// partitions lists the partitions other than the commercial one by what their
// regions' names begin with, and what the host names of each end in.
var partitions = []struct{ prefix, name, suffix string }{
	{"cn-", "aws-cn", "amazonaws.com.cn"},
	{"us-gov-", "aws-us-gov", "amazonaws.com"},
	{"us-iso-", "aws-iso", "c2s.ic.gov"},
	{"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
	{"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
	{"us-isof-", "aws-iso-f", "csp.hci.ic.gov"},
	{"eusc-", "aws-eusc", "amazonaws.eu"},
}

// Partition returns the partition a region belongs to: "aws" for every region
// not known to belong to another one.
func Partition(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p.name
		}
	}
	return "aws"
}

// DNSSuffix returns what the host names of AWS services in a region end in,
// "amazonaws.com" in most.
func DNSSuffix(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p.suffix
		}
	}
	return "amazonaws.com"
}

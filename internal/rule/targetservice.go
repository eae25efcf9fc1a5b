package rule

import (
	"regexp"
	"strings"

	"bailey/internal/arn"
)

// role says whether a target has a RoleArn.
type role uint8

const (
	roleOptional  role = iota // policies of the resource may do as well
	roleRequired              // the service is called with the role's permissions
	roleOfRule                // required, but the rule's own does as well
	roleForbidden             // only the policy of the resource counts
)

// A targetService is a service that has targets, and what PutTargets asks of
// them.
type targetService struct {
	role role
	// resource is what follows the account in the ARN; nil is anything.
	resource *regexp.Regexp
	// only is the member with this service's own parameters. required is the
	// member that its targets must have.
	only, required string
	// parameters checks what is in them; nil takes all that the model does.
	parameters func(*Target) *Error
}

// targetServices are the services that have targets, by their names in ARNs.
// Bailey delivers to execute-api and events; what the others get it keeps, and
// checks as AWS does, so that a target that is wrong there is not right here.
var targetServices = map[string]targetService{
	"appsync":             {role: roleRequired, resource: resource(`endpoints/graphql-api/[^/]+`), only: "AppSyncParameters"},
	"batch":               {role: roleRequired, only: "BatchParameters", required: "BatchParameters", parameters: checkBatch},
	"codebuild":           {role: roleRequired},
	"codepipeline":        {role: roleRequired},
	"ecs":                 {role: roleRequired, only: "EcsParameters", required: "EcsParameters", parameters: checkECS},
	"events":              {role: roleRequired, resource: resource(`event-bus/[/.\-_A-Za-z0-9]+|api-destination/[.\-_A-Za-z0-9]+/[A-Za-z0-9-]+|target/[A-Za-z0-9-]+`), only: "HttpParameters"},
	"execute-api":         {only: "HttpParameters"},
	"firehose":            {role: roleRequired},
	"glue":                {role: roleRequired},
	"inspector":           {role: roleRequired},
	"kinesis":             {role: roleOfRule, only: "KinesisParameters"},
	"lambda":              {},
	"logs":                {role: roleForbidden, resource: resource(`log-group:[^:]+`)},
	"redshift":            {role: roleRequired, only: "RedshiftDataParameters", parameters: checkRedshift},
	"redshift-serverless": {role: roleRequired, only: "RedshiftDataParameters", parameters: checkRedshift},
	"sagemaker":           {role: roleRequired, only: "SageMakerPipelineParameters"},
	"sns":                 {},
	"sqs":                 {},
	"ssm":                 {role: roleRequired, only: "RunCommandParameters"},
	"ssm-incidents":       {role: roleRequired},
	"states":              {role: roleRequired},
}

func resource(pattern string) *regexp.Regexp { return regexp.MustCompile(`\A(?:` + pattern + `)\z`) }

// regionAndAccount are what every ARN of a service of AWS's events must have,
// as the service's own model says of an event bus.
var regionAndAccount = regexp.MustCompile(`\A[a-z]+-[a-z]+-[\w-]+:[0-9]{12}\z`)

// checkTarget says why PutTargets does not take a target, as far as that does
// not depend on the rule. Targets that were put before are not asked.
func checkTarget(t *Target) *Error {
	a, err := arn.Parse(t.ARN)
	if err != nil {
		return malformedARN(t.ARN)
	}
	service, ok := targetServices[a.Service]
	switch {
	case !ok:
		return refuse(Invalid, "%s is not a supported service for a target.", a.Service)
	case a.Service == "events" && a.Account == "" && a.Resource == ":":
		// What an archive's own rule has: a target that only AWS itself puts.
		return refuse(Invalid, "Parameter %[1]s is not valid. Reason: Service as target config for ARN: %[1]s not found. The API call hasn't been recognized as managed rules call", t.ARN)
	case service.resource != nil && !service.resource.MatchString(a.Resource),
		a.Service == "events" && !regionAndAccount.MatchString(a.Region+":"+a.Account),
		a.Service == "execute-api" && (a.Region == "" || a.Account == "" || strings.Count(a.Resource, "/") < 2):
		return malformedARN(t.ARN)
	case t.RoleARN == "" && service.role == roleRequired:
		return refuse(Invalid, "RoleArn is required for target %s.", t.ARN)
	case t.RoleARN != "" && service.role == roleForbidden:
		return refuse(Invalid, "RoleArn is not supported for target %s.", t.ARN)
	}
	if t.RoleARN != "" {
		if _, err := arn.Parse(t.RoleARN); err != nil {
			return malformedARN(t.RoleARN)
		}
	}
	if err := checkParameters(t, a, service); err != nil {
		return err
	}
	if isBus(a) {
		return checkBusTarget(t)
	}
	if a.Service == "logs" && (t.Input != nil || t.InputPath != nil) {
		return refuse(Invalid, "Input and InputPath are not valid forms of input for target %s. The only valid form of input is InputTransformer.", t.ID)
	}
	return nil
}

func malformedARN(text string) *Error {
	return refuse(Invalid, "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", text)
}

// isBus reports whether an ARN is that of an event bus.
func isBus(a arn.ARN) bool {
	return a.Service == "events" && strings.HasPrefix(a.Resource, "event-bus/")
}

// checkBusTarget refuses what a target that is an event bus cannot have: its
// delivery is EventBridge's own, and it gets the event as it is.
func checkBusTarget(t *Target) *Error {
	if t.RetryPolicy != nil {
		return refuse(Invalid, "Retry policy is not supported for Event bus targets.")
	}
	if t.Input != nil || t.InputPath != nil || t.InputTransformer != nil {
		return refuse(Invalid, "Modifying the input for target %s is not supported.", t.ID)
	}
	return nil
}

// checkForRule says why a rule does not take a target that checkTarget takes.
func (r *Registry) checkForRule(t *Target, rule *Rule) *Error {
	a, err := arn.Parse(t.ARN)
	if err != nil {
		return malformedARN(t.ARN)
	}
	if targetServices[a.Service].role == roleOfRule && t.RoleARN == "" && rule.RoleARN == "" {
		return refuse(Invalid, "Rule %s does not have RoleArn assigned to invoke target %s.", rule.Name, t.ARN)
	}
	if isBus(a) && t.ARN == r.BusARN(rule.Region, rule.EventBusName) {
		return refuse(Invalid, "Source EventBus and Target EventBus must not be the same.")
	}
	return nil
}

// checkIDs refuses a call that has two targets with one id.
func checkIDs(targets []Target) *Error {
	seen := make(map[string]bool, len(targets))
	for i := range targets {
		id := targets[i].ID
		if seen[id] {
			return refuse(Invalid, "Parameter targets is not valid. Reason: More than one target with Id '%s' is provided.", id)
		}
		seen[id] = true
	}
	return nil
}

package rule

import (
	"encoding/json"
	"strings"

	"bailey/internal/arn"
)

// given lists the parameters that a target has and only one kind of target
// takes, in the model's order. SqsParameters are not among them: AWS takes them
// with every target.
func (t *Target) given() []string {
	var names []string
	add := func(there bool, name string) {
		if there {
			names = append(names, name)
		}
	}
	e := t.Elsewhere
	if e == nil {
		e = new(Elsewhere)
	}
	add(e.KinesisParameters != nil, "KinesisParameters")
	add(e.RunCommandParameters != nil, "RunCommandParameters")
	add(e.EcsParameters != nil, "EcsParameters")
	add(e.BatchParameters != nil, "BatchParameters")
	add(t.HTTPParameters != nil, "HttpParameters")
	add(e.RedshiftDataParameters != nil, "RedshiftDataParameters")
	add(e.SageMakerPipelineParameters != nil, "SageMakerPipelineParameters")
	add(e.AppSyncParameters != nil, "AppSyncParameters")
	return names
}

// checkParameters checks which parameters a target must and must not have, and
// what is in those that only AWS acts on.
func checkParameters(t *Target, a arn.ARN, service targetService) *Error {
	required, has := service.required, false
	for _, name := range t.given() {
		if name != service.only {
			return refuse(Invalid, "Parameter(s) %s not supported for target: %s.", name, t.ID)
		}
		has = true
	}
	if a.Service == "sqs" && strings.HasSuffix(a.Resource, ".fifo") {
		required, has = "SqsParameters", t.Elsewhere != nil && t.SqsParameters != nil
	}
	if required != "" && !has {
		return refuse(Invalid, "Parameter(s) %s must be specified for target: %s.", required, t.ID)
	}
	if has && service.parameters != nil {
		return service.parameters(t)
	}
	return nil
}

// between reports whether n, where it is given, is from low to high.
func between(n *int, low, high int) bool { return n == nil || low <= *n && *n <= high }

func checkBatch(t *Target) *Error {
	var p struct {
		ArrayProperties struct{ Size *int }
		RetryStrategy   struct{ Attempts *int }
	}
	if err := json.Unmarshal(t.BatchParameters, &p); err != nil {
		return refuse(Invalid, "Parameter BatchParameters of target %s is not valid. Reason: %s.", t.ID, err)
	}
	if !between(p.ArrayProperties.Size, 2, 10_000) {
		return refuse(Invalid, "Parameter ArrayProperties is not valid. Reason: Size must be in between 2 and 10000.")
	}
	if !between(p.RetryStrategy.Attempts, 1, 10) {
		return refuse(Invalid, "Parameter RetryStrategy is not valid. Reason: Attempts must be in between 1 and 10.")
	}
	return nil
}

func checkECS(t *Target) *Error {
	var p struct {
		TaskDefinitionArn    string
		TaskCount            *int
		LaunchType           string
		PlatformVersion      *string
		NetworkConfiguration *struct {
			AwsvpcConfiguration *struct {
				Subnets, SecurityGroups []string
				AssignPublicIP          *string `json:"AssignPublicIp"`
			} `json:"awsvpcConfiguration"`
		}
	}
	if err := json.Unmarshal(t.EcsParameters, &p); err != nil {
		return refuse(Invalid, "Parameter EcsParameters of target %s is not valid. Reason: %s.", t.ID, err)
	}
	const tasksPerEvent, subnets, securityGroups = 10, 16, 5
	cluster, _ := arn.Parse(t.ARN)
	task, err := arn.Parse(p.TaskDefinitionArn)
	switch {
	case err != nil:
		return refuse(Invalid, "Parameter(s) TaskDefinitionArn not valid for target: %s.", t.ID)
	case task.Region != cluster.Region:
		return refuse(Invalid, "Region of %s does not match region of %s.", t.ARN, p.TaskDefinitionArn)
	case !between(p.TaskCount, 1, tasksPerEvent):
		return refuse(Invalid, "Parameter(s) TaskCount not valid for target: %s.", t.ID)
	case p.LaunchType == "FARGATE" && (p.NetworkConfiguration == nil || p.NetworkConfiguration.AwsvpcConfiguration == nil):
		return refuse(Invalid, "Parameter NetworkConfiguration must be specified for target %s when launch type is FARGATE", t.ID)
	case p.LaunchType == "EC2" && p.PlatformVersion != nil:
		return refuse(Invalid, "Parameter PlatformVersion for target %s is not supported when launch type is EC2.", t.ID)
	case p.NetworkConfiguration == nil || p.NetworkConfiguration.AwsvpcConfiguration == nil:
		return nil
	}
	vpc := p.NetworkConfiguration.AwsvpcConfiguration
	switch {
	case p.LaunchType == "EC2" && vpc.AssignPublicIP != nil:
		return refuse(Invalid, "Parameter AssignPublicIp for target %s is not supported when launch type is EC2.", t.ID)
	case len(vpc.Subnets) < 1 || len(vpc.Subnets) > subnets:
		return refuse(Invalid, "Parameter Subnets is not valid. Reason: size must be in between 1 and %d.", subnets)
	case len(vpc.SecurityGroups) > securityGroups:
		return refuse(Invalid, "Parameter SecurityGroups is not valid. Reason: size must be in between 0 and %d.", securityGroups)
	}
	return nil
}

func checkRedshift(t *Target) *Error {
	var p struct {
		SQL              *string  `json:"Sql"`
		SQLs             []string `json:"Sqls"`
		DBUser           *string  `json:"DbUser"`
		SecretManagerArn *string
	}
	if err := json.Unmarshal(t.RedshiftDataParameters, &p); err != nil {
		return refuse(Invalid, "Parameter RedshiftDataParameters of target %s is not valid. Reason: %s.", t.ID, err)
	}
	if p.SQL != nil && p.SQLs != nil {
		return refuse(Invalid, "Either RedshiftDataParameters.sql or RedshiftDataParameters.sqls must be specified for target %s, not both.", t.ID)
	}
	if p.DBUser != nil && p.SecretManagerArn != nil {
		return refuse(Invalid, "Either RedshiftDataParameters.dBUser or RedshiftDataParameters.secretManagerArn must be specified for target %s, not both.", t.ID)
	}
	return nil
}

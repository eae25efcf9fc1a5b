package arn

import (
	"fmt"
	"slices"
	"strings"
)

// Any is the method, the stage or the path segment that an API Gateway ARN
// leaves open: any method (T3), the default stage or a stage given by a value
// (T4), a path variable (T2).
const Any = "*"

// ExecuteAPI is the ARN of an API Gateway method, the target of an event:
//
//	arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/{METHOD}/{path...}
type ExecuteAPI struct {
	ARN    ARN
	API    string // the id under which the API is registered
	Stage  string // a stage's name, or Any (T4)
	Method string // GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, or Any (T3)

	// Path holds the segments of the path as they stand in the ARN, Any for each
	// path variable (T2). It is empty for the stage's root (T7). No segment is
	// empty, "." or "..".
	Path []string
}

var methods = []string{Any, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// ParseExecuteAPI takes the ARN of an API Gateway method apart (T2, T3, T4, T7).
// One slash at the end of the path is the same as none. A path with an empty
// segment, or one of "." or "..", is refused, because such a request would
// reach another route than the ARN names.
func ParseExecuteAPI(text string) (ExecuteAPI, error) {
	a, err := Parse(text)
	if err != nil {
		return ExecuteAPI{}, err
	}
	if a.Service != "execute-api" {
		return ExecuteAPI{}, fmt.Errorf("ARN %q is of the service %s, not of execute-api", text, a.Service)
	}
	if a.Region == "" || a.Account == "" {
		return ExecuteAPI{}, fmt.Errorf("ARN %q lacks its region or account", text)
	}
	parts := strings.Split(a.Resource, "/")
	if len(parts) < 3 {
		return ExecuteAPI{}, fmt.Errorf("the resource of ARN %q does not have the form api-id/stage/METHOD/path", text)
	}
	e := ExecuteAPI{ARN: a, API: parts[0], Stage: parts[1], Method: parts[2], Path: parts[3:]}
	if !ValidAPIID(e.API) {
		return ExecuteAPI{}, fmt.Errorf("ARN %q has the API id %q; an id has 1 to 128 letters, digits, hyphens and underscores", text, e.API)
	}
	if e.Stage != Any && !ValidStage(e.Stage) {
		return ExecuteAPI{}, fmt.Errorf("ARN %q has the stage %q; a stage has 1 to 128 letters, digits, hyphens and underscores, or is $default, or *", text, e.Stage)
	}
	if !slices.Contains(methods, e.Method) {
		return ExecuteAPI{}, fmt.Errorf("ARN %q has the method %q; it must be one of %s", text, e.Method, strings.Join(methods, ", "))
	}
	if n := len(e.Path); n > 0 && e.Path[n-1] == "" {
		e.Path = e.Path[:n-1]
	}
	if len(e.Path) == 0 {
		e.Path = nil
	}
	for _, segment := range e.Path {
		switch segment {
		case "":
			return ExecuteAPI{}, fmt.Errorf("the path of ARN %q has an empty segment", text)
		case ".", "..":
			return ExecuteAPI{}, fmt.Errorf("the path of ARN %q has the segment %q", text, segment)
		}
	}
	return e, nil
}

// Variables returns how many path variables the ARN has (T2); a stage that is
// open is not one of them.
func (e ExecuteAPI) Variables() int {
	n := 0
	for _, segment := range e.Path {
		if segment == Any {
			n++
		}
	}
	return n
}

// ValidAPIID reports whether id can be the id of an API: 1 to 128 ASCII
// letters, digits, hyphens and underscores.
func ValidAPIID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// ValidStage reports whether name can be the name of a stage: 1 to 128 ASCII
// letters, digits, hyphens and underscores, or "$default".
func ValidStage(name string) bool {
	return name == "$default" || ValidAPIID(name)
}

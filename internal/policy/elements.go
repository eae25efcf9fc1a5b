package policy

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"bailey/internal/arn"
)

// vendor is the service whose actions and resources a bus's policy is about.
const vendor = "events"

// actions are those that a bus's policy may name.
var actions = []string{
	"deleterule", "describeeventbus", "describerule", "disablerule", "enablerule",
	"listrulenamesbytarget", "listrules", "listtagsforresource", "listtargetsbyrule",
	"putevents", "putrule", "puttargets", "removetargets", "tagresource", "untagresource",
}

// checkActions says what is wrong with the actions of a statement, nothing if
// all of them can be named: every one, or one that AWS knows, with wildcards,
// in whatever case.
func checkActions(named []string) string {
	var unknown []string
	for _, action := range named {
		if action == "*" {
			continue
		}
		service, name, ok := strings.Cut(action, ":")
		switch {
		case !ok:
			return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
		case !strings.EqualFold(service, vendor):
			return "Action field includes AWS services that are inconsistent with specified vendor"
		case !known(strings.ToLower(name)) && !slices.Contains(unknown, action):
			unknown = append(unknown, action)
		}
	}
	if len(unknown) == 0 {
		return ""
	}
	return `The following action names are invalid: "` + strings.Join(hashOrder(unknown), `", "`) + `"`
}

// known reports whether a name, with wildcards, is that of an action.
func known(name string) bool {
	// What has a meaning to path.Match beside the two wildcards is in no name.
	if strings.ContainsAny(name, `[]\/`) {
		return false
	}
	return slices.ContainsFunc(actions, func(action string) bool {
		matched, err := path.Match(name, action)
		return err == nil && matched
	})
}

// hashOrder sorts texts as AWS's messages list a set of them: by Java's hash of
// each, as a HashSet of so many has it.
func hashOrder(texts []string) []string {
	size := uint32(16)
	for len(texts)*4 > int(size)*3 {
		size *= 2
	}
	place := func(text string) int {
		var h uint32
		for _, c := range text {
			h = 31*h + uint32(c)
		}
		return int((h ^ h>>16) & (size - 1))
	}
	texts = slices.Clone(texts)
	slices.SortStableFunc(texts, func(x, y string) int { return place(x) - place(y) })
	return texts
}

// checkResource refuses what is neither the bus nor a rule on it. AWS was seen
// to take wildcards for partition and region, and none for the account.
func (b Bus) checkResource(text string) error {
	if text == "*" {
		return nil
	}
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return refuse(`Resource %s must be in ARN format or "*".`, text)
	}
	within := func(pattern, name string) bool {
		matched, err := path.Match(pattern, name)
		return err == nil && matched
	}
	switch {
	case parts[2] != vendor:
		return refuse(`The vendor "%s" is invalid for ARN "%s"`, parts[2], text)
	case !within(parts[1], arn.Partition(b.Region)):
		return refuse(`The partition "%s" is invalid for ARN "%s"`, parts[1], text)
	case !within(parts[3], b.Region):
		return refuse(`The region "%s" is invalid for ARN "%s"`, parts[3], text)
	case parts[4] != b.Account:
		return refuse(`The namespace "%s" is invalid for ARN "%s"`, parts[4], text)
	case !b.owns(parts[5]):
		return refuse(`The relative-id "%s" is invalid for ARN "%s"`, parts[5], text)
	}
	return nil
}

// owns reports whether the last part of an ARN is the bus's or a rule's on it.
func (b Bus) owns(resource string) bool {
	if resource == "event-bus/"+b.Name {
		return true
	}
	rule, ok := strings.CutPrefix(resource, "rule/")
	if named, of := strings.CutPrefix(rule, b.Name+"/"); of {
		return ok && named != ""
	}
	// The rules of the default bus do not name it.
	return ok && b.Name == arn.DefaultBus && rule != "" && !strings.Contains(rule, "/")
}

// badPrincipal refuses a principal that is nobody.
func badPrincipal() error { return refuse("Policy contains an invalid principal") }

// checkPrincipal checks whom a statement is about: everybody, or users, roles
// and accounts, services, and identity providers, one or several of each. Which
// of them there are is not known here.
func (c *checker) checkPrincipal(n *node) error {
	switch {
	case n.kind == '"' && n.text == "*":
		return nil
	case n.kind == '"':
		return badPrincipal()
	case n.kind != '{':
		return c.syntax(n)
	case len(n.members) == 0:
		return refuse("Missing required field Principal cannot be empty!")
	}
	for _, m := range n.members {
		names, ok := m.value.texts()
		if !ok {
			return c.syntax(m.value)
		}
		valid, ok := principals[m.name]
		if !ok {
			return badPrincipal()
		}
		for _, name := range names {
			if !valid(name, c.bus) {
				return badPrincipal()
			}
		}
	}
	return nil
}

// principals are the kinds of those whom a statement can be about, and say
// whether a name may be one of them.
var principals = map[string]func(name string, bus Bus) bool{
	"AWS": isIdentity,
	"Service": func(name string, _ Bus) bool {
		return strings.Contains(name, ".") && !strings.ContainsAny(name, "*?:/ ")
	},
	"Federated":     func(string, Bus) bool { return true },
	"CanonicalUser": func(string, Bus) bool { return true },
}

// isIdentity reports whether name may be a user, a role or an account.
func isIdentity(name string, bus Bus) bool {
	if name == "*" {
		return true
	}
	if isAccount(name) {
		return exists(name, bus)
	}
	// What is left of a user or a role that was deleted.
	if !strings.Contains(name, ":") {
		return strings.HasPrefix(name, "AIDA") || strings.HasPrefix(name, "AROA")
	}
	a, err := arn.Parse(name)
	if err != nil || a.Partition != arn.Partition(bus.Region) || a.Region != "" || !isAccount(a.Account) || !exists(a.Account, bus) ||
		strings.ContainsAny(name, "*?") {
		return false
	}
	kind, of, _ := strings.Cut(a.Resource, "/")
	switch a.Service + " " + kind {
	case "iam root":
		return of == ""
	case "iam user", "iam role", "sts assumed-role", "sts federated-user":
		return of != ""
	}
	return false
}

// keepPrincipal writes a principal as it is kept: accounts by their ARNs.
func (c *checker) keepPrincipal(dst *bytes.Buffer, n *node) error {
	if n.kind != '{' {
		return n.compact(dst, c.text)
	}
	for i, m := range n.members {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		dst.WriteByte(separator)
		dst.WriteString(`"` + m.name + `":`)
		if err := c.keepNames(dst, m.name, m.value); err != nil {
			return err
		}
	}
	dst.WriteByte('}')
	return nil
}

func (c *checker) keepNames(dst *bytes.Buffer, kind string, n *node) error {
	if n.kind == '[' {
		for i, e := range n.elements {
			separator := byte(',')
			if i == 0 {
				separator = '['
			}
			dst.WriteByte(separator)
			if err := c.keepNames(dst, kind, e); err != nil {
				return err
			}
		}
		dst.WriteByte(']')
		return nil
	}
	if kind == "AWS" && isAccount(n.text) {
		text, err := json.Marshal(account(n.text, c.bus))
		dst.Write(text)
		return err
	}
	return n.compact(dst, c.text)
}

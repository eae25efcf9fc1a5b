package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/sigv4"
)

// configFile is what the file of serve --config may say. docs/operations.md explains it with an example. A member that is not
// there leaves the default; a flag or an environment variable comes before the file.
type configFile struct {
	Data                 string        `yaml:"data"`
	Listen               string        `yaml:"listen"`
	Account              string        `yaml:"account"`
	Region               string        `yaml:"region"`
	AllowUnauthenticated bool          `yaml:"allowUnauthenticated"`
	Grace                time.Duration `yaml:"grace"`
	Log                  struct {
		Format string `yaml:"format"`
		Level  string `yaml:"level"`
	} `yaml:"log"`
	Retention struct {
		Settled  time.Duration `yaml:"settled"`
		Dead     time.Duration `yaml:"dead"`
		MaxBytes byteSize      `yaml:"maxBytes"`
	} `yaml:"retention"`
	Quotas struct {
		BusesPerRegion int `yaml:"busesPerRegion"`
		RulesPerBus    int `yaml:"rulesPerBus"`
		TargetsPerRule int `yaml:"targetsPerRule"`
		EventPattern   int `yaml:"eventPattern"`
	} `yaml:"quotas"`
	Limits struct {
		BodyBytes        byteSize `yaml:"bodyBytes"`
		BodiesBytes      byteSize `yaml:"bodiesBytes"`
		Connections      int      `yaml:"connections"`
		QueuedDeliveries int      `yaml:"queuedDeliveries"`
		QueuedBytes      byteSize `yaml:"queuedBytes"`
		InFlight         int      `yaml:"inFlight"`
		RenderedBytes    byteSize `yaml:"renderedBytes"`
	} `yaml:"limits"`
	Egress struct {
		Allow []string `yaml:"allow"`
		Deny  []string `yaml:"deny"`
	} `yaml:"egress"`
	Replays struct {
		Starting *time.Duration `yaml:"starting"` // nil is a minute, 0 no time
	} `yaml:"replays"`
	PassThrough bool     `yaml:"passThrough"`
	Origins     []string `yaml:"origins"`
	Hosts       []string `yaml:"hosts"`
	// Credentials are those that a target's role stands for, by the role's ARN; "*" is every other role.
	Credentials map[string]struct {
		AccessKeyID     string `yaml:"accessKeyId"`
		SecretAccessKey string `yaml:"secretAccessKey"`
		SessionToken    string `yaml:"sessionToken"`
	} `yaml:"credentials"`
	DeadLetters struct {
		// Forward sends dead letters to SQS instead of keeping them.
		Forward *struct {
			Endpoint        string `yaml:"endpoint"`
			AccessKeyID     string `yaml:"accessKeyId"`
			SecretAccessKey string `yaml:"secretAccessKey"`
			SessionToken    string `yaml:"sessionToken"`
		} `yaml:"forward"`
	} `yaml:"deadLetters"`
	// APIs are registrations by id, with the members of the admin API.
	APIs map[string]yaml.Node `yaml:"apis"`
}

// config is a config file that has been read.
type config struct {
	configFile
	apis        []*request.API // by id
	credentials map[string]sigv4.Credentials
}

// readConfig reads a config file. An error names the line.
func readConfig(path string, environment func(string) (string, bool)) (*config, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("the config file: %w", err)
	}
	c, err := parseConfig(text, environment)
	if err != nil {
		return nil, fmt.Errorf("the config file %s: %w", path, err)
	}
	return c, nil
}

// parseConfig reads YAML strictly: a member that there is not is an error, and so is one that is there twice. A text that is
// ${NAME} and nothing else is the environment variable of that name, so that secrets need not stand in the file.
func parseConfig(text []byte, environment func(string) (string, bool)) (*config, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("preparing to read YAML: %w", err)
	}
	var document, another yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		return &config{}, nil // nothing but comments
	} else if err != nil {
		return nil, yamlError(err)
	}
	if err := loader.Load(&another); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one YAML document")
	}
	if err := expand(&document, environment); err != nil {
		return nil, err
	}
	c := &config{}
	if err := document.Load(&c.configFile, yaml.WithKnownFields()); err != nil {
		return nil, yamlError(err)
	}
	c.credentials = make(map[string]sigv4.Credentials, len(c.Credentials))
	for role, credentials := range c.Credentials {
		c.credentials[role] = sigv4.Credentials(credentials)
	}
	for id, node := range c.APIs {
		api, err := parseAPI(id, &node)
		if err != nil {
			return nil, err
		}
		c.apis = append(c.apis, api)
	}
	slices.SortFunc(c.apis, func(a, b *request.API) int { return strings.Compare(a.ID, b.ID) })
	return c, nil
}

// forward says where dead letters are sent; nil keeps them.
func (c *config) forward() *bailey.Forward {
	f := c.DeadLetters.Forward
	if f == nil {
		return nil
	}
	return &bailey.Forward{Endpoint: f.Endpoint, Credentials: sigv4.Credentials{
		AccessKeyID: f.AccessKeyID, SecretAccessKey: f.SecretAccessKey, SessionToken: f.SessionToken,
	}}
}

// replayStart is how long a replay is starting, as [bailey.Config] has it.
func (c *config) replayStart() (time.Duration, error) {
	switch starting := c.Replays.Starting; {
	case starting == nil:
		return 0, nil
	case *starting < 0:
		return 0, errors.New("the setting replays.starting must not be negative")
	case *starting == 0:
		return -1, nil
	default:
		return *starting, nil
	}
}

// parseAPI reads a registration by way of JSON, so that it has the members of the admin API by construction.
func parseAPI(id string, node *yaml.Node) (*request.API, error) {
	text, err := appendJSON(nil, node, 0)
	if err != nil {
		return nil, err
	}
	api := &request.API{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(api); err != nil {
		return nil, fmt.Errorf("line %d: API %s: %s", lineOf(node, err), id, strings.TrimPrefix(err.Error(), "json: "))
	}
	if api.ID != "" && api.ID != id {
		return nil, fmt.Errorf("line %d: API %s says that its id is %s", node.Line, id, api.ID)
	}
	api.ID = id
	if err := api.Validate(); err != nil {
		return nil, fmt.Errorf("line %d: API %s: %w", node.Line, id, err)
	}
	return api, nil
}

// lineOf finds the line that an error of reading a registration's JSON is about, or that of the registration itself.
func lineOf(node *yaml.Node, err error) int {
	name := ""
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		name = wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]
	} else if _, quoted, ok := strings.Cut(err.Error(), `unknown field "`); ok {
		name = strings.TrimSuffix(quoted, `"`)
	}
	if line := lineOfKey(node, name); line > 0 {
		return line
	}
	return node.Line
}

func lineOfKey(node *yaml.Node, name string) int {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			if child.Value == name {
				return child.Line
			}
			continue
		}
		if line := lineOfKey(child, name); line > 0 {
			return line
		}
	}
	return 0
}

// expand puts environment variables in the place of ${NAME}.
func expand(node *yaml.Node, environment func(string) (string, bool)) error {
	for _, child := range node.Content {
		if err := expand(child, environment); err != nil {
			return err
		}
	}
	if node.Kind != yaml.ScalarNode {
		return nil
	}
	name, begins := strings.CutPrefix(node.Value, "${")
	name, ends := strings.CutSuffix(name, "}")
	if !begins || !ends {
		return nil
	}
	value, ok := environment(name)
	if !ok {
		return fmt.Errorf("line %d: the environment variable %s is not set", node.Line, name)
	}
	node.Value = value
	return nil
}

// maxConfigDepth bounds how deeply a registration is nested, aliases among it.
const maxConfigDepth = 100

// appendJSON appends what a YAML node means in JSON. Keys are taken as they are written, so that an OpenAPI document's
// responses by status are kept.
func appendJSON(dst []byte, node *yaml.Node, depth int) ([]byte, error) {
	if depth > maxConfigDepth {
		return nil, fmt.Errorf("line %d: it is nested too deeply", node.Line)
	}
	if len(dst) > maxInput {
		return nil, fmt.Errorf("line %d: it is too large", node.Line)
	}
	var err error
	switch node.Kind {
	case yaml.AliasNode:
		return appendJSON(dst, node.Alias, depth+1)
	case yaml.MappingNode:
		dst = append(dst, '{')
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return nil, fmt.Errorf("line %d: a key must be plain text here", key.Line)
			}
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendValue(dst, key.Value); err != nil {
				return nil, err
			}
			dst = append(dst, ':')
			if dst, err = appendJSON(dst, value, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case yaml.SequenceNode:
		dst = append(dst, '[')
		for i, item := range node.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendJSON(dst, item, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	}
	return appendScalar(dst, node)
}

func appendScalar(dst []byte, node *yaml.Node) ([]byte, error) {
	var value any
	switch node.ShortTag() {
	case "!!null":
	case "!!bool", "!!int", "!!float":
		if err := node.Load(&value); err != nil {
			return nil, yamlError(err)
		}
	default: // text; a date too is what is written
		value = node.Value
	}
	dst, err := appendValue(dst, value)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", node.Line, err)
	}
	return dst, nil
}

func appendValue(dst []byte, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	return append(dst, text...), err
}

// yamlError words what the YAML library says: the line, and nothing of Go's types.
func yamlError(err error) error {
	wrong, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return err
	}
	message := wrong.Message
	if key, _, ok := strings.Cut(strings.TrimPrefix(message, "field "), " not found in type "); ok {
		message = fmt.Sprintf("there is no setting %q here", key)
	}
	if found, wanted, ok := strings.Cut(strings.TrimPrefix(message, "cannot construct "), " into "); ok {
		if _, value, ok := strings.Cut(found, " "); ok {
			found = value
		}
		switch found {
		case "!!seq":
			found = "a list"
		case "!!map":
			found = "a mapping"
		}
		message = fmt.Sprintf("%s stands where %s is expected", found, kindOf(wanted))
	}
	return fmt.Errorf("line %d: %s", wrong.Mark.Line, message)
}

// kindOf names what a Go type is in YAML.
func kindOf(goType string) string {
	switch {
	case goType == "time.Duration":
		return "a duration such as 10s"
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "float"):
		return "a number"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	}
	return "a mapping"
}

package rule

import (
	"encoding/json"
	"time"

	"bailey/internal/arn"
	"bailey/internal/input"
	"bailey/internal/request"
)

// DefaultBus is the bus that every region has.
const DefaultBus = arn.DefaultBus

// A Bus is an event bus as it was configured. Its JSON is what the store keeps;
// the members that the API has too are spelled as there. Values in a Bus, Rule
// or Target that a Registry returned are shared and must not be changed.
type Bus struct {
	Region           string
	Name             string
	EventSourceName  string            `json:",omitempty"` // of a partner event bus
	ManagedBy        string            `json:",omitempty"` // the service that made the bus for the account; none here does
	Description      string            `json:",omitempty"`
	KmsKeyIdentifier string            `json:",omitempty"`
	DeadLetterConfig *DeadLetterConfig `json:",omitempty"`
	LogConfig        *LogConfig        `json:",omitempty"`
	Policy           string            `json:",omitempty"` // the JSON of who may put events
	Tags             []Tag             `json:",omitempty"` // by key
	Created          time.Time
	Modified         time.Time
}

// State says whether a rule takes events.
type State string

// The states of a rule. What sets the third apart, events of read-only
// management calls, only AWS itself puts on a bus.
const (
	Enabled              State = "ENABLED"
	Disabled             State = "DISABLED"
	EnabledForManagement State = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
)

// A Rule is a rule with its targets as they were configured. It has an event
// pattern, a schedule or both.
type Rule struct {
	Region             string
	EventBusName       string
	Name               string
	EventPattern       string `json:",omitempty"`
	ScheduleExpression string `json:",omitempty"`
	State              State
	Description        string   `json:",omitempty"`
	RoleARN            string   `json:"RoleArn,omitempty"`
	ManagedBy          string   `json:",omitempty"` // the service that a managed rule belongs to
	CreatedBy          string   // the account
	Archive            string   `json:",omitempty"` // the id of the archive that the rule fills
	Tags               []Tag    `json:",omitempty"` // by key
	Targets            []Target `json:",omitempty"` // by id
	// Since is when the rule was created or last enabled, or got its schedule: a
	// rate counts from there.
	Since time.Time
	// EmptyPattern and EmptySchedule say that whoever put the rule gave it the one
	// or the other as an empty text. The rule has none, and shows the text.
	EmptyPattern  bool `json:",omitempty"`
	EmptySchedule bool `json:",omitempty"`
}

// A Target is where a rule sends its events. Beside what Bailey acts on it keeps
// the parameters of targets that only AWS has, as they came.
type Target struct {
	ID               string            `json:"Id"`
	ARN              string            `json:"Arn"`
	RoleARN          string            `json:"RoleArn,omitempty"`
	Input            *string           `json:",omitempty"`
	InputPath        *string           `json:",omitempty"`
	InputTransformer *InputTransformer `json:",omitempty"`
	HTTPParameters   *HTTPParameters   `json:"HttpParameters,omitempty"`
	DeadLetterConfig *DeadLetterConfig `json:",omitempty"`
	RetryPolicy      *RetryPolicy      `json:",omitempty"`
	*Elsewhere                         // nil for most
}

// Elsewhere are the parameters of targets that only AWS has, as JSON.
type Elsewhere struct {
	AppSyncParameters           json.RawMessage `json:",omitempty"`
	BatchParameters             json.RawMessage `json:",omitempty"`
	EcsParameters               json.RawMessage `json:",omitempty"`
	KinesisParameters           json.RawMessage `json:",omitempty"`
	RedshiftDataParameters      json.RawMessage `json:",omitempty"`
	RunCommandParameters        json.RawMessage `json:",omitempty"`
	SageMakerPipelineParameters json.RawMessage `json:",omitempty"`
	SqsParameters               json.RawMessage `json:",omitempty"`
}

// InputTransformer is input.Transformer as it came: an empty map stays one.
type InputTransformer struct {
	InputPathsMap map[string]string `json:",omitzero"`
	InputTemplate string
}

func (t *InputTransformer) transformer() *input.Transformer { return (*input.Transformer)(t) }

// HTTPParameters is request.Parameters as they came: what was empty stays so.
type HTTPParameters struct {
	PathParameterValues   []string          `json:",omitzero"`
	HeaderParameters      map[string]string `json:",omitzero"`
	QueryStringParameters map[string]string `json:",omitzero"`
}

func (p *HTTPParameters) parameters() *request.Parameters { return (*request.Parameters)(p) }

// DeadLetterConfig names the queue for events that could not be delivered.
type DeadLetterConfig struct {
	ARN string `json:"Arn,omitempty"`
}

// RetryPolicy lowers how long and how often a target is tried (X4).
type RetryPolicy struct {
	MaximumRetryAttempts     *int `json:",omitempty"`
	MaximumEventAgeInSeconds *int `json:",omitempty"`
}

// LogConfig is a bus's logging, which is kept for those who ask.
type LogConfig struct {
	IncludeDetail string `json:",omitempty"`
	Level         string `json:",omitempty"`
}

// A Tag is a label on a bus or a rule.
type Tag struct {
	Key   string
	Value string
}

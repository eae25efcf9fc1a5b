package awsjson

import "testing"

func TestPatternMatch(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, value string
		want                 bool
	}{
		{"whole value", `[\.\-_A-Za-z0-9]+`, "a.b-c_1", true},
		{"a part is not enough", `[\.\-_A-Za-z0-9]+`, "with spaces", false},
		{"alternatives are anchored as one", `a|b`, "ab", false},
		{"anchors of the model's own", `^[\-a-z0-9]+$`, "us-east-1", true},
		{"a line break after the end", `^[\-a-z0-9]+$`, "us-east-1\n", false},
		{"dot", `.*`, "any text, é too", true},
		{"dot is no line feed", `.*`, "a\nb", false},
		{"dot is no line separator of Java's", `.*`, "a\u2028b", false},
		{"dot in a class is a dot", `[.]+`, "\u2028", false},
		{"escaped dot is a dot", `aws\.partner`, "aws-partner", false},
		{"not blank", `^(?!\s*$).+`, " x ", true},
		{"blank", `^(?!\s*$).+`, " \t ", false},
		{"empty", `^(?!\s*$).+`, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := MustPattern(tt.pattern)
			if got := p.Match(tt.value); got != tt.want {
				t.Errorf("%s on %q: got %v, want %v", tt.pattern, tt.value, got, tt.want)
			}
			if p.String() != tt.pattern {
				t.Errorf("got text %q, want %q", p.String(), tt.pattern)
			}
		})
	}
}

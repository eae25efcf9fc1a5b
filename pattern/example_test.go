package pattern_test

import (
	"errors"
	"fmt"
	"slices"

	"bailey/pattern"
)

func Example() {
	p, err := pattern.Parse(`{"source": ["orders"], "detail": {"amount": [{"numeric": [">=", 100]}]}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Match([]byte(`{"source": "orders", "detail": {"amount": 250.00}}`)))
	fmt.Println(p.Match([]byte(`{"source": "orders", "detail": {"amount": "250"}}`)))
	// Output:
	// true
	// false
}

func ExampleParse() {
	_, err := pattern.Parse(`{"source": "orders"}`)
	if refused, ok := errors.AsType[*pattern.Error](err); ok {
		fmt.Println(refused)
		fmt.Println("at line", refused.Line, "column", refused.Column)
	}
	// Output:
	// Event pattern is not valid. Reason: "source" must be an object or an array
	// at line 1 column 13
}

func ExampleExplain() {
	p, err := pattern.Parse(`{"detail": {"items": {"sku": [{"prefix": "A-"}], "qty": [2]}}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, event := range []string{
		`{"detail": {"items": [{"sku": "B-1", "qty": 2}]}}`,
		`{"detail": {"items": [{"sku": "A-1", "qty": 1}, {"sku": "B-1", "qty": 2}]}}`,
	} {
		fmt.Println(pattern.Explain(p, []byte(event)).Reason)
	}
	// Output:
	// detail.items.sku is "B-1", where the pattern wants a string beginning with "A-"
	// detail.items.qty and detail.items.sku each match, but not within the same element of an array
}

func ExampleSet() {
	var set pattern.Set[string]
	for name, text := range map[string]string{
		"paid":  `{"detail": {"state": ["paid"]}}`,
		"large": `{"detail": {"amount": [{"numeric": [">", 1000]}]}}`,
		"calm":  `{"detail": {"state": [{"anything-but": ["failed", "disputed"]}]}}`,
	} {
		p, err := pattern.Parse(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := set.Add(name, p); err != nil {
			fmt.Println(err)
			return
		}
	}
	matches := set.AppendMatches(nil, []byte(`{"detail": {"state": "paid", "amount": 12}}`))
	slices.Sort(matches)
	fmt.Println(matches)

	set.Remove("calm")
	fmt.Println(set.AppendMatches(nil, []byte(`{"detail": {"state": "paid", "amount": 12}}`)))
	// Output:
	// [calm paid]
	// [paid]
}

func ExamplePattern_Refused() {
	for _, text := range []string{
		`{"a": [{"wildcard": "*a*a*a*a*a"}]}`,
		`{"a": [{"wildcard": "*a*a*a*a*a*a*a*a*a*a*a"}]}`,
	} {
		p, err := pattern.Parse(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		if refused := p.Refused(); refused != nil {
			fmt.Println(refused.Code(), refused.Reason)
			continue
		}
		fmt.Println("taken")
	}
	// Output:
	// taken
	// InvalidEventPatternException Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character
}

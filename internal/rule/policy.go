package rule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"bailey/internal/policy"
)

// errUnchanged ends a change that would change nothing, so that nothing is
// written and the bus is as old as it was.
var errUnchanged = errors.New("nothing changes")

// PutPermission adds a statement to a bus's policy, in the place of the one with
// its id if there is one.
func (r *Registry) PutPermission(ctx context.Context, region, bus string, p policy.Permission) error {
	if err := p.Check(); err != nil {
		return policyError(err)
	}
	return r.changePolicy(ctx, region, bus, func(of policy.Bus, now *policy.Policy) (*policy.Policy, error) {
		s, err := p.Statement(of)
		if err != nil {
			return nil, err
		}
		now.Put(s)
		return now, nil
	})
}

// PutPolicy replaces a bus's policy by one that a caller has written.
func (r *Registry) PutPolicy(ctx context.Context, region, bus, text string) error {
	return r.changePolicy(ctx, region, bus, func(of policy.Bus, _ *policy.Policy) (*policy.Policy, error) {
		return policy.Check(text, of)
	})
}

// RemovePermission removes the statement with the id from a bus's policy.
func (r *Registry) RemovePermission(ctx context.Context, region, bus, id string) error {
	return r.changePolicy(ctx, region, bus, func(_ policy.Bus, now *policy.Policy) (*policy.Policy, error) {
		if !now.Remove(id) {
			return nil, refuse(NotFound, "Statement with the provided id does not exist.")
		}
		return now, nil
	})
}

// RemovePolicy removes a bus's whole policy. It succeeds where there is none.
func (r *Registry) RemovePolicy(ctx context.Context, region, bus string) error {
	return r.changePolicy(ctx, region, bus, func(policy.Bus, *policy.Policy) (*policy.Policy, error) {
		return new(policy.Policy), nil
	})
}

// changePolicy replaces a bus's policy by what change makes of it.
func (r *Registry) changePolicy(ctx context.Context, region, bus string, change func(policy.Bus, *policy.Policy) (*policy.Policy, error)) error {
	_, err := r.UpdateBus(ctx, region, bus, func(b *Bus) error {
		p, err := policy.Read(b.Policy)
		if err != nil {
			return err
		}
		if p, err = change(policy.Bus{Region: b.Region, Account: r.account, Name: b.Name}, p); err != nil {
			return policyError(err)
		}
		text, err := p.Text()
		if err != nil {
			return policyError(err)
		}
		if text == b.Policy {
			return errUnchanged
		}
		b.Policy = text
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// policyError gives a refusal of package policy its kind.
func policyError(err error) error {
	if errors.Is(err, policy.ErrTooLong) {
		return refuse(PolicyTooLong, "%s", err)
	}
	if e, ok := errors.AsType[*policy.Error](err); ok {
		return refuse(Invalid, "%s", e.Message)
	}
	return err
}

// marshal writes v as JSON without escaping what only HTML minds: what came
// from a caller goes back as it was.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

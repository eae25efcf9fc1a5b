// Package egress decides which addresses may be called.
//
// A rule's target is a URL that somebody registered, and a name in it may
// resolve to anything at any time. So the decision is made where it cannot be
// got round: in the dialer, on the address that is about to be connected to.
//
//	policy, err := egress.New(nil, []string{"10.9.0.0/16"})
//	dialer := &net.Dialer{Control: policy.Control}
//
// Some addresses are never called: link-local ones, the metadata services of
// clouds, which hand credentials to whoever asks, and those that name no single
// host. Loopback and private networks may be called unless the configuration
// says otherwise, because Bailey runs on one's own machines.
//
// What it does not see: a proxy or NAT beyond the address connected to, and an
// operator's own NAT64 prefix; deny those by configuration.
package egress

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// A Policy says which addresses may be called. It does not change and is safe
// for concurrent use. The zero value refuses what is always refused and no more.
type Policy struct {
	allow []netip.Prefix
	deny  []netip.Prefix
	own   []netip.AddrPort
}

// New returns a policy from two lists, each entry a CIDR ("10.0.0.0/8") or a
// single address. Where allow is not empty, only addresses in it may be called.
// What deny names, or is always refused, is refused even when allow names it.
func New(allow, deny []string) (*Policy, error) {
	p := &Policy{}
	for _, list := range []struct {
		name string
		from []string
		to   *[]netip.Prefix
	}{{"allowed", allow, &p.allow}, {"denied", deny, &p.deny}} {
		for _, text := range list.from {
			prefix, err := parsePrefix(text)
			if err != nil {
				return nil, fmt.Errorf("reading the %s address range %q: %w", list.name, text, err)
			}
			*list.to = append(*list.to, prefix)
		}
	}
	return p, nil
}

// Refuse returns a policy that refuses also what leads to one of the addresses,
// which this process itself serves: a rule whose target is Bailey could feed
// itself, and would call with the rights of this machine. An unspecified address
// (0.0.0.0) stands for all of the machine's.
func (p *Policy) Refuse(own ...netip.AddrPort) *Policy {
	q := *p
	q.own = slices.Concat(p.own, own)
	return &q
}

// isOwn reports whether a connection to the address would come back here.
func (p *Policy) isOwn(to netip.AddrPort) bool {
	addr := to.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(p.own, func(own netip.AddrPort) bool {
		return own.Port() == to.Port() && (own.Addr().Unmap().WithZone("") == addr || own.Addr().IsUnspecified() && isLocal(addr))
	})
}

// isLocal reports whether an address is one of this machine's.
func isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true // it cannot be told that it is another's
	}
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().Unmap() == addr
	})
}

// parsePrefix reads a CIDR or a single address. IPv4-mapped ones become IPv4,
// because that is the form in which addresses are compared.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, addrErr := netip.ParseAddr(text)
		if addrErr != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("it must be a CIDR such as 10.0.0.0/8 or an address")
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if prefix.Addr().Is4In6() {
		if prefix.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("an IPv4-mapped range must have at least 96 bits")
		}
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}

// Control refuses a connection to an address that may not be called. It is made
// for net.Dialer's field of the same name, which calls it for every address
// that it is about to connect to. The error is an *[Error].
func (p *Policy) Control(network, address string, _ syscall.RawConn) error {
	switch network {
	case "tcp4", "tcp6", "tcp":
	default:
		return &Error{Address: address, Reason: "the network " + network + " is not TCP"}
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Error{Address: address, Reason: "it is not an IP address and a port"}
	}
	if p.isOwn(to) {
		return &Error{Address: address, Reason: "it is Bailey's own"}
	}
	return p.Check(to.Addr())
}

// Check returns nil if addr may be called, and an *[Error] if not. An IPv6
// address that carries an IPv4 one, as IPv4-mapped, NAT64 and 6to4 addresses do,
// is refused where either is; to be allowed by configuration the address itself
// must be in the allow list, an IPv4-mapped one as IPv4.
func (p *Policy) Check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		return &Error{Address: addr.String(), Reason: "it is not an IP address"}
	}
	forms, n := standsFor(addr)
	for _, form := range forms[:n] {
		for _, r := range alwaysRefused {
			if r.prefix.Contains(form) {
				return &Error{Address: addr.String(), Reason: r.reason}
			}
		}
		for _, prefix := range p.deny {
			if prefix.Contains(form) {
				return &Error{Address: addr.String(), Reason: "the configuration denies " + prefix.String()}
			}
		}
	}
	if len(p.allow) == 0 {
		return nil
	}
	for _, prefix := range p.allow {
		if prefix.Contains(addr) {
			return nil
		}
	}
	return &Error{Address: addr.String(), Reason: "the configuration does not allow it"}
}

// An Error says that an address may not be called. It is permanent: a delivery
// that meets it is not tried again (X3).
type Error struct {
	Address string // as it was about to be connected to
	Reason  string
}

// Error names the address and the reason.
func (e *Error) Error() string {
	return "address " + e.Address + " may not be called: " + e.Reason
}

// Forbidden reports true. By it other packages tell an egress rule's error from
// a connection that fails.
func (e *Error) Forbidden() bool { return true }

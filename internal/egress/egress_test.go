package egress

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func ExamplePolicy_Check() {
	policy, err := New([]string{"10.0.0.0/8"}, []string{"10.9.0.0/16"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(policy.Check(netip.MustParseAddr("10.1.2.3")))
	fmt.Println(policy.Check(netip.MustParseAddr("10.9.2.3")))
	fmt.Println(policy.Check(netip.MustParseAddr("192.0.2.1")))
	fmt.Println(policy.Check(netip.MustParseAddr("169.254.169.254")))
	// Output:
	// <nil>
	// address 10.9.2.3 may not be called: the configuration denies 10.9.0.0/16
	// address 192.0.2.1 may not be called: the configuration does not allow it
	// address 169.254.169.254 may not be called: it is the metadata service of AWS, Azure, Google Cloud and others
}

func TestCheck(t *testing.T) {
	cases := []struct {
		name, addr string
		reason     string // "" if it may be called
	}{
		{"loopback", "127.0.0.1", ""},
		{"loopback, IPv6", "::1", ""},
		{"loopback, IPv4-mapped", "::ffff:127.0.0.1", ""},
		{"private 10", "10.1.2.3", ""},
		{"private 172", "172.16.0.1", ""},
		{"private 192", "192.168.1.1", ""},
		{"shared address space", "100.64.0.1", ""},
		{"unique local", "fd12:3456::1", ""},
		{"public", "192.0.2.7", ""},
		{"public, IPv6", "2600:1f18::7", ""},
		{"NAT64 of a public one", "64:ff9b::c000:207", ""},

		{"metadata", "169.254.169.254", "metadata"},
		{"metadata, IPv4-mapped", "::ffff:169.254.169.254", "metadata"},
		{"metadata, NAT64", "64:ff9b::a9fe:a9fe", "metadata"},
		{"metadata, local NAT64", "64:ff9b:1::a9fe:a9fe", "metadata"},
		{"metadata, 6to4", "2002:a9fe:a9fe::1", "metadata"},
		{"metadata, Teredo client", "2001:0:c000:207::5601:5601", "metadata"},
		{"metadata, Teredo server", "2001:0:a9fe:a9fe::1", "metadata"},
		{"metadata, IPv4-compatible", "::169.254.169.254", "metadata"},
		{"metadata, IPv4-translated", "::ffff:0:a9fe:a9fe", "metadata"},
		{"link-local", "169.254.0.1", "link-local"},
		{"container credentials", "169.254.170.2", "link-local"},
		{"link-local, IPv6", "fe80::1", "link-local"},
		{"link-local with a zone", "fe80::1%eth0", "link-local"},
		{"link-local, the last", "febf:ffff::1", "link-local"},
		{"AWS, IPv6", "fd00:ec2::254", "AWS"},
		{"AWS pod identity, IPv6", "fd00:ec2::23", "AWS"},
		{"Google Cloud, IPv6", "fd20:ce::254", "Google"},
		{"Azure", "168.63.129.16", "Azure"},
		{"Alibaba Cloud", "100.100.100.200", "Alibaba"},
		{"Alibaba Cloud, NAT64", "64:ff9b::6464:64c8", "Alibaba"},
		{"Oracle Cloud", "192.0.0.192", "Oracle"},
		{"Oracle Cloud, IPv6", "fd00:c1::a9fe:a9fe", "Oracle"},
		{"Scaleway, IPv6", "fd00:42::42", "Scaleway"},
		{"Linode, IPv6", "fd00:a9fe:a9fe::1", "Linode"},
		{"unspecified", "0.0.0.0", "unspecified"},
		{"this network", "0.1.2.3", "unspecified"},
		{"unspecified, IPv6", "::", "unspecified"},
		{"unspecified, IPv4-mapped", "::ffff:0.0.0.0", "unspecified"},
		{"multicast", "224.0.0.1", "multicast"},
		{"multicast, the last", "239.255.255.255", "multicast"},
		{"multicast, 6to4", "2002:e000:1::1", "multicast"},
		{"multicast, IPv6", "ff02::1", "multicast"},
		{"broadcast", "255.255.255.255", "broadcast"},
		{"broadcast, NAT64", "64:ff9b::ffff:ffff", "broadcast"},
	}
	open, err := New([]string{"0.0.0.0/0", "::/0"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// A configuration that allows everything allows no more than none does.
			for _, policy := range []*Policy{{}, open} {
				err := policy.Check(netip.MustParseAddr(c.addr))
				if c.reason == "" {
					if err != nil {
						t.Errorf("got %v, want it allowed", err)
					}
					continue
				}
				e, ok := errors.AsType[*Error](err)
				if !ok || !strings.Contains(e.Reason, c.reason) || !e.Forbidden() {
					t.Errorf("got %v, want it refused with %q", err, c.reason)
				}
			}
		})
	}
	if err := (&Policy{}).Check(netip.Addr{}); err == nil {
		t.Error("the zero address: got nil, want it refused")
	}
}

func TestConfiguration(t *testing.T) {
	cases := []struct {
		name        string
		allow, deny []string
		addr        string
		allowed     bool
	}{
		{"in allow", []string{"10.0.0.0/8"}, nil, "10.1.1.1", true},
		{"not in allow", []string{"10.0.0.0/8"}, nil, "11.1.1.1", false},
		{"loopback not in allow", []string{"10.0.0.0/8"}, nil, "127.0.0.1", false},
		{"IPv4-mapped in allow", []string{"10.0.0.0/8"}, nil, "::ffff:10.1.1.1", true},
		{"allow written IPv4-mapped", []string{"::ffff:10.0.0.0/104"}, nil, "10.1.1.1", true},
		{"NAT64 of one in allow", []string{"192.0.2.0/24"}, nil, "64:ff9b::c000:207", false},
		{"a single address in allow", []string{"192.0.2.7"}, nil, "192.0.2.7", true},
		{"beside a single address in allow", []string{"192.0.2.7"}, nil, "192.0.2.8", false},
		{"in deny", nil, []string{"10.0.0.0/8"}, "10.1.1.1", false},
		{"not in deny", nil, []string{"10.0.0.0/8"}, "11.1.1.1", true},
		{"in both", []string{"10.0.0.0/8"}, []string{"10.0.0.0/8"}, "10.1.1.1", false},
		{"in deny, IPv4-mapped", nil, []string{"10.0.0.0/8"}, "::ffff:10.1.1.1", false},
		{"in deny, NAT64", nil, []string{"10.0.0.0/8"}, "64:ff9b::a01:101", false},
		{"in deny, 6to4", nil, []string{"10.0.0.0/8"}, "2002:a01:101::1", false},
		{"in deny, a host's bits set", nil, []string{"10.1.2.3/8"}, "10.9.9.9", false},
		{"in deny, IPv6", nil, []string{"fc00::/7"}, "fd12::1", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			policy, err := New(c.allow, c.deny)
			if err != nil {
				t.Fatal(err)
			}
			if err := policy.Check(netip.MustParseAddr(c.addr)); (err == nil) != c.allowed {
				t.Errorf("got %v, want allowed %v", err, c.allowed)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, text := range []string{"", "10.0.0.0/33", "localhost", "10.0.0", "fe80::1%eth0", "::ffff:10.0.0.0/95"} {
		if _, err := New([]string{text}, nil); err == nil || !strings.Contains(err.Error(), "allowed") {
			t.Errorf("allow %q: got %v, want an error about the allowed list", text, err)
		}
		if _, err := New(nil, []string{text}); err == nil || !strings.Contains(err.Error(), "denied") {
			t.Errorf("deny %q: got %v, want an error about the denied list", text, err)
		}
	}
}

func TestControl(t *testing.T) {
	cases := []struct {
		name, network, address string
		allowed                bool
	}{
		{"IPv4", "tcp4", "127.0.0.1:80", true},
		{"IPv6", "tcp6", "[::1]:80", true},
		{"link-local with a zone", "tcp6", "[fe80::1%eth0]:80", false},
		{"metadata", "tcp4", "169.254.169.254:80", false},
		{"not TCP", "udp4", "127.0.0.1:53", false},
		{"a socket in the file system", "unix", "/run/docker.sock", false},
		{"a name", "tcp", "localhost:80", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := new(Policy).Control(c.network, c.address, nil); (err == nil) != c.allowed {
				t.Errorf("got %v, want allowed %v", err, c.allowed)
			}
		})
	}
}

// A name that resolves to a forbidden address is caught at connect, and net/http
// hands the error on so that it can be told from a connection that fails (X3).
func TestControlInDialer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	call := func(policy *Policy) error {
		transport := &http.Transport{DialContext: (&net.Dialer{Control: policy.Control}).DialContext}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:"+port, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := call(&Policy{}); err != nil {
		t.Errorf("localhost by the zero policy: got %v, want no error", err)
	}
	denied, err := New(nil, []string{"127.0.0.0/8", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	err = call(denied)
	if e, ok := errors.AsType[*Error](err); !ok || !e.Forbidden() {
		t.Errorf("localhost with loopback denied: got %v, want an *Error", err)
	}
}

// Whatever form an address is written in, what it carries is not called.
func FuzzCheck(f *testing.F) {
	f.Add(byte(169), byte(254), byte(169), byte(254))
	f.Add(byte(10), byte(0), byte(0), byte(1))
	f.Add(byte(240), byte(0), byte(0), byte(1))
	f.Fuzz(func(t *testing.T, a, b, c, d byte) {
		policy := &Policy{}
		v4 := netip.AddrFrom4([4]byte{a, b, c, d})
		refused := policy.Check(v4) != nil
		if want := v4.IsLinkLocalUnicast() || v4.IsMulticast() || a == 0 || v4.String() == "255.255.255.255" ||
			v4.String() == "168.63.129.16" || v4.String() == "100.100.100.200" || v4.String() == "192.0.0.192"; refused != want {
			t.Errorf("%v: got refused %v, want %v", v4, refused, want)
		}
		for _, form := range []string{
			fmt.Sprintf("::ffff:%s", v4),
			fmt.Sprintf("64:ff9b::%s", v4),
			fmt.Sprintf("64:ff9b:1::%s", v4),
			fmt.Sprintf("2002:%02x%02x:%02x%02x::1", a, b, c, d),
			fmt.Sprintf("2001:0:c000:207::%02x%02x:%02x%02x", ^a, ^b, ^c, ^d),
			fmt.Sprintf("::ffff:0:%s", v4),
		} {
			if got := policy.Check(netip.MustParseAddr(form)) != nil; got != refused {
				t.Errorf("%s: got refused %v, want %v as for %v", form, got, refused, v4)
			}
		}
	})
}

// What the process itself serves is no target's, by whatever name or form of its address.
func TestRefuseOwn(t *testing.T) {
	one, err := New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := one.Refuse(netip.MustParseAddrPort("0.0.0.0:4566"))
	one = one.Refuse(netip.MustParseAddrPort("127.0.0.1:4566"))
	local := "127.0.0.1"
	if addresses, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addresses {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() {
				local = prefix.Addr().String()
			}
		}
	}
	for _, tt := range []struct {
		policy  *Policy
		address string
		refused bool
	}{
		{one, "127.0.0.1:4566", true},
		{one, "[::ffff:127.0.0.1]:4566", true},
		{one, "127.0.0.1:4567", false},
		{one, "127.0.0.2:4566", false}, // another's, who listens there
		{one, "192.0.2.1:4566", false},
		{all, "127.0.0.2:4566", true},
		{all, "[::1]:4566", true},
		{all, local + ":4566", true},
		{all, local + ":80", false},
		{all, "192.0.2.1:4566", false},
	} {
		err := tt.policy.Control("tcp", tt.address, nil)
		if refused := err != nil && strings.Contains(err.Error(), "Bailey's own"); refused != tt.refused {
			t.Errorf("%s: got %v, want refused %v", tt.address, err, tt.refused)
		}
	}
}

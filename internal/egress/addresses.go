package egress

import "net/netip"

// alwaysRefused lists what no configuration lets through, the more particular
// first, since the first that matches gives the reason.
var alwaysRefused = []struct {
	prefix netip.Prefix
	reason string
}{
	{netip.MustParsePrefix("169.254.169.254/32"), "it is the metadata service of AWS, Azure, Google Cloud and others"},
	{netip.MustParsePrefix("169.254.0.0/16"), "it is link-local"},
	{netip.MustParsePrefix("fe80::/10"), "it is link-local"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "it is a local service of AWS, such as the metadata service"},
	{netip.MustParsePrefix("fd20:ce::254/128"), "it is the metadata service of Google Cloud"},
	{netip.MustParsePrefix("168.63.129.16/32"), "it is the platform service of Azure"},
	{netip.MustParsePrefix("100.100.100.200/32"), "it is the metadata service of Alibaba Cloud"},
	{netip.MustParsePrefix("192.0.0.192/32"), "it is the metadata service of Oracle Cloud"},
	{netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), "it is the metadata service of Oracle Cloud"},
	{netip.MustParsePrefix("fd00:42::42/128"), "it is the metadata service of Scaleway"},
	{netip.MustParsePrefix("fd00:a9fe:a9fe::1/128"), "it is the metadata service of Linode"},
	{netip.MustParsePrefix("0.0.0.0/8"), "it is unspecified"},
	{netip.MustParsePrefix("::/128"), "it is unspecified"},
	{netip.MustParsePrefix("224.0.0.0/4"), "it is multicast"},
	{netip.MustParsePrefix("ff00::/8"), "it is multicast"},
	{netip.MustParsePrefix("255.255.255.255/32"), "it is broadcast"},
}

// carriers lists the ranges of IPv6 whose addresses carry an IPv4 address, and
// at which byte. Traffic to them may come out at that IPv4 address.
var carriers = []struct {
	prefix netip.Prefix
	at     int
	invert bool // each bit is turned round
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12, false},    // NAT64, RFC 6052
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12, false},  // local NAT64, RFC 8215, with a prefix of 96 bits
	{netip.MustParsePrefix("2002::/16"), 2, false},        // 6to4, RFC 3056
	{netip.MustParsePrefix("2001::/32"), 12, true},        // Teredo, RFC 4380: the client
	{netip.MustParsePrefix("2001::/32"), 4, false},        // Teredo: the server
	{netip.MustParsePrefix("::/96"), 12, false},           // IPv4-compatible, RFC 4291
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12, false}, // IPv4-translated, RFC 2765
}

// standsFor returns the address itself and the IPv4 addresses it carries; how
// many is the second result. ::1 carries 0.0.0.1 by the letter of RFC 4291, but
// it is loopback and nothing else.
func standsFor(addr netip.Addr) (forms [3]netip.Addr, n int) {
	forms[0], n = addr, 1
	if addr.Is4() || addr.IsLoopback() {
		return forms, n
	}
	bytes := addr.As16()
	for _, c := range carriers {
		if !c.prefix.Contains(addr) {
			continue
		}
		v4 := [4]byte(bytes[c.at : c.at+4])
		if c.invert {
			for i := range v4 {
				v4[i] = ^v4[i]
			}
		}
		forms[n] = netip.AddrFrom4(v4)
		n++
	}
	return forms, n
}

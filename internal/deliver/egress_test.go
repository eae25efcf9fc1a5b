package deliver

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"bailey/internal/egress"
	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/store"
)

// X3: an address that may not be called is not called, however it is spelled
// and whatever name leads to it, and the delivery is not tried again.
func TestForbiddenAddress(t *testing.T) {
	denying, err := egress.New(nil, []string{"192.0.2.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, url string
		policy    *egress.Policy
	}{
		{"metadata service", "http://169.254.169.254/latest", new(egress.Policy)},
		{"IPv4 in IPv6", "http://[::ffff:169.254.169.254]", new(egress.Policy)},
		{"through NAT64", "http://[64:ff9b::a9fe:a9fe]", new(egress.Policy)},
		{"link-local", "http://[fe80::1]", new(egress.Policy)},
		{"over TLS", "https://169.254.169.254", new(egress.Policy)},
		{"a name that resolves to it", "http://metadata.test", new(egress.Policy)},
		{"denied by configuration", "http://192.0.2.1:8080", denying},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				dialer := newDialer(tt.policy)
				dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
					client, server := net.Pipe()
					w.network.raws.Go(func() { answerName(server, "metadata.test.", net.IPv4(169, 254, 169, 254)) })
					return client, nil
				}}
				w.d.transport = newTransport(dialer.DialContext)
				w.api(request.API{ID: "api", URL: tt.url})
				w.target("api")
				d := w.ended(w.one("api"))
				if d.Status != store.Dead || d.ErrorCode != string(retry.NoPermissions) || d.Attempts != 1 || !strings.Contains(d.Error, "may not be called") {
					t.Errorf("got %+v, want NO_PERMISSIONS at the first attempt", d)
				}
				if l := w.deadLetters(); len(l) != 1 || l[0].ErrorCode != string(retry.NoPermissions) || l[0].Exhausted != "" {
					t.Errorf("dead letters: %+v", l)
				}
			})
		})
	}
}

// A proxy would be called in the place of the address that the policy is about,
// and the environment is not asked for one: it is whatever the shell had.
func TestNoProxy(t *testing.T) {
	if transport := newTransport(newDialer(new(egress.Policy)).DialContext); transport.Proxy != nil {
		t.Error("requests may go through a proxy")
	}
}

// Answers are read as they come: nothing is asked to be compressed, so nothing
// unpacks to more than is read of an answer.
func TestAsksForNoCompression(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		asked := make(chan []string, 1)
		w.network.serve("shop", func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Values("Accept-Encoding") })
		w.api(request.API{ID: "shop"})
		w.target("shop")
		w.ended(w.one("shop"))
		if got := <-asked; len(got) > 0 {
			t.Errorf("the request has Accept-Encoding %q", got)
		}
	})
}

// answerName is a name server that knows one address and one name. It speaks
// DNS over a stream: each message has its length before it (RFC 1035, 4.2.2).
func answerName(c net.Conn, name string, address net.IP) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		const head = 12
		end := head // of the question's name
		var asked strings.Builder
		for query[end] != 0 {
			n := int(query[end])
			asked.Write(query[end+1 : end+1+n])
			asked.WriteByte('.')
			end += 1 + n
		}
		question := query[head : end+1+4]
		isA := binary.BigEndian.Uint16(question[len(question)-4:]) == 1
		answer := append([]byte(nil), query[:2]...)
		answer = append(answer, 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0) // an answer with authority, to one question
		answer = append(answer, question...)
		switch {
		case asked.String() != name:
			answer[3] |= 3 // no such name
		case isA:
			answer[7] = 1
			answer = append(answer, 0xC0, head, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
			answer = append(answer, address.To4()...)
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

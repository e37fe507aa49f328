package main

import (
	"container/list"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
)

// most is how many clients a limiter remembers; who was not seen for longest is forgotten
// first, and starts with a full allowance again.
const most = 10_000

// limiter gives every client its own allowance of requests. Safe for concurrent use.
type limiter struct {
	perSecond rate.Limit
	burst     int

	mu      sync.Mutex
	clients map[netip.Prefix]*list.Element
	recent  *list.List // of *client, the latest first
}

type client struct {
	from      netip.Prefix
	allowance *rate.Limiter
}

func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{perSecond: rate.Limit(perSecond), burst: burst, clients: map[netip.Prefix]*list.Element{}, recent: list.New()}
}

// allow takes one request off the client's allowance; false when there is none left.
func (l *limiter) allow(from netip.Prefix) bool {
	return l.allowance(from).Allow()
}

func (l *limiter) allowance(from netip.Prefix) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.clients[from]; ok {
		l.recent.MoveToFront(known)
		return known.Value.(*client).allowance
	}
	if l.recent.Len() >= most {
		oldest := l.recent.Back()
		delete(l.clients, l.recent.Remove(oldest).(*client).from)
	}
	fresh := &client{from, rate.NewLimiter(l.perSecond, l.burst)}
	l.clients[from] = l.recent.PushFront(fresh)
	return fresh.allowance
}

// origin is whom a request counts for: an IPv4 address, or an IPv6 network of 64 bits, which
// one client can have all to itself. What cannot be read counts for one common client.
func origin(r *http.Request) netip.Prefix {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(addr, bits).Masked()
}

// limit refuses requests of a client that sends too many. problem.Write says to come back
// in a second, which is long enough: every limit is at least one a second.
func (g *gateway) limit(route route, next serve.Handler) serve.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		from := origin(r)
		if !g.all.allow(from) || route.passwords && !g.passwords.allow(from) {
			return problem.New(problem.RateLimited, "too many requests, slow down")
		}
		return next(w, r)
	}
}

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sidecart/sidecart/services/internal/problem"
)

// never is a rate at which nothing is allowed again while a test runs.
const never = 1e-9

func TestAClientThatSendsTooMuchIsSlowedDown(t *testing.T) {
	shop := newShop(t, routes())
	*shop.all = *newLimiter(never, 3)
	for range 3 {
		assert.Equal(t, http.StatusOK, shop.send(t, "GET", "/api/products", "", nil).status)
	}
	got := shop.send(t, "GET", "/api/products", "", nil)
	requireProblem(t, got, problem.RateLimited, "GET", "/api/products")
	assert.Equal(t, "1", got.header.Get("Retry-After"))
	assert.Len(t, shop.stand.heard(), 3)
}

func TestPasswordsHaveALimitOfTheirOwn(t *testing.T) {
	shop := newShop(t, routes())
	*shop.passwords = *newLimiter(never, 2)
	for range 2 {
		assert.Equal(t, http.StatusOK, shop.send(t, "POST", "/api/sessions", "{}", nil).status)
	}
	requireProblem(t, shop.send(t, "POST", "/api/sessions", "{}", nil), problem.RateLimited, "POST", "/api/sessions")
	requireProblem(t, shop.send(t, "POST", "/api/users", "{}", nil), problem.RateLimited, "POST", "/api/users")
	assert.Equal(t, http.StatusOK, shop.send(t, "POST", "/api/sessions/refresh", "{}", nil).status)
	assert.Equal(t, http.StatusOK, shop.send(t, "GET", "/api/products", "", nil).status)
}

func TestEachClientHasItsOwnAllowance(t *testing.T) {
	l := newLimiter(never, 1)
	one, other := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	assert.True(t, l.allow(one))
	assert.False(t, l.allow(one))
	assert.True(t, l.allow(other))
}

func TestALimiterForgetsWhoWasNotSeenForLongest(t *testing.T) {
	l := newLimiter(never, 1)
	client := func(n int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 32)
	}
	for n := range most {
		assert.True(t, l.allow(client(n)))
	}
	assert.False(t, l.allow(client(0)), "is known, and now the latest")
	assert.True(t, l.allow(client(most)), "takes the place of client 1")
	assert.False(t, l.allow(client(0)))
	assert.True(t, l.allow(client(1)), "was forgotten")
	assert.Len(t, l.clients, most)
	assert.Equal(t, most, l.recent.Len())
}

func TestOriginIsAnAddressOrANetworkThatOneClientHas(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:1234":            "192.0.2.7/32",
		"[::ffff:192.0.2.7]:1234":   "192.0.2.7/32",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":         "fe80::/64",
		"@":                         "invalid Prefix",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = address
		assert.Equal(t, want, fmt.Sprint(origin(r)), address)
	}
}

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/problem"
)

func TestEveryRouteReachesItsService(t *testing.T) {
	shop := newShop(t, routes())
	for _, route := range routes() {
		t.Run(route.method+" "+route.path, func(t *testing.T) {
			shop.stand.does(func(w http.ResponseWriter, _ *http.Request) {
				_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"ok": "yes"})
			})
			want := call{App: route.app, Method: route.method, Path: route.to, Query: url.Values{}}
			outer := url.Values{}
			for _, name := range route.query {
				outer.Set(name, "a b&c=%")
				want.Query.Set(name, "a b&c=%")
			}
			if route.app == named {
				outer.Set("service", "inventory")
				want.App = "inventory"
				want.Query.Del("service")
			}
			path := route.path
			for _, name := range []string{"id", "productId"} {
				if filled := strings.Replace(path, "{"+name+"}", "x%26admin=1", 1); filled != path {
					path = filled
					want.Query.Set(name, "x&admin=1")
				}
			}
			body := ""
			if route.body {
				body = `{"some": "thing"}`
				want.Body = body
			}
			header := shop.admin.Clone()
			if path == "/.well-known/jwks.json" {
				header.Set("Accept", "application/jwk-set+json")
			}

			got := shop.send(t, route.method, path+"?"+outer.Encode(), body, header)

			require.Equal(t, http.StatusOK, got.status, got.body)
			assert.JSONEq(t, `{"ok": "yes"}`, got.body)
			require.Len(t, shop.stand.heard(), 1)
			heard := shop.stand.heard()[0]
			heard.Header = nil
			assert.Equal(t, want, heard)
		})
	}
}

func TestOnlyKnownHeadersArePassedOn(t *testing.T) {
	shop := newShop(t, routes())
	hostile := http.Header{
		"Dapr-App-Id": {"payment"}, "Dapr-Api-Token": {"guessed"}, "Dapr-Caller-App-Id": {"order"}, "X-Forwarded-For": {"10.0.0.1"},
		"Forwarded": {"for=10.0.0.1"}, "Cookie": {"a=b"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}, "Te": {"trailers"}, "Baggage": {"a=b"},
		"X-Http-Method-Override": {"DELETE"}, "Webhook-Signature": {"v1,x"}, "Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		"Idempotency-Key": {"key"}, "Prefer": {"wait=1"}, "Accept": {"application/json"}, "Content-Type": {"application/json"},
	}
	tests := map[string]struct {
		method, path, authorization string
		passed                      []string
	}{
		// daprd takes "Basic dapr-app-id:payment" for the name of the app that is called.
		"open": {"POST", "/api/sessions", "Basic ZGFwci1hcHAtaWQ6cGF5bWVudA==", []string{"Accept", "Idempotency-Key", "Prefer", "Content-Type"}},
		"customer": {"POST", "/api/orders", shop.customer.Get("Authorization"),
			[]string{"Accept", "Idempotency-Key", "Prefer", "Content-Type", "Authorization"}},
		"without a body": {"GET", "/api/cart", shop.customer.Get("Authorization"), []string{"Accept", "Idempotency-Key", "Prefer", "Authorization"}},
		"signed":         {"POST", "/api/payments/callback", "", []string{"Accept", "Idempotency-Key", "Prefer", "Content-Type", "Webhook-Signature"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			shop.stand.does(shop.stand.answer)
			header := hostile.Clone()
			header.Set("Authorization", test.authorization)
			got := shop.send(t, test.method, test.path, "{}", header)
			require.Equal(t, http.StatusOK, got.status, got.body)
			heard := shop.stand.heard()[0]
			route := heard.Header.Get("Dapr-App-Id")
			assert.NotEqual(t, "", route)
			assert.Equal(t, []string{sidecarToken}, heard.Header["Dapr-Api-Token"])
			for _, name := range []string{"Dapr-App-Id", "Dapr-Api-Token", "Accept-Encoding", "Content-Length", "Traceparent"} {
				heard.Header.Del(name)
			}
			var passed []string
			for name, values := range heard.Header {
				passed = append(passed, name)
				assert.Equal(t, header.Values(name), values, name)
			}
			assert.ElementsMatch(t, test.passed, passed)
		})
	}
}

func TestWhatIsNotTheServicesAnswerIsUnavailable(t *testing.T) {
	shop := newShop(t, routes())
	write := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	tests := map[string]http.HandlerFunc{
		"empty 200 for a dead app": write(200, "application/json", ""),
		"empty 200 without type":   func(http.ResponseWriter, *http.Request) {},
		"204":                      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"invocation failed":        write(500, "application/json", `{"errorCode":"ERR_DIRECT_INVOKE","message":"secret: dial 10.0.0.7"}`),
		"access denied":            write(403, "application/json", `{"errorCode":"ERR_DIRECT_INVOKE","message":"secret: access control"}`),
		"no such app":              write(404, "application/json", `{"errorCode":"ERR_DIRECT_INVOKE","message":"secret: not found"}`),
		"page of a proxy":          write(502, "text/html", "<html>secret</html>"),
		"page instead of JSON":     write(200, "text/html", "<html>secret</html>"),
		"redirect":                 func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/secret", http.StatusFound) },
		"empty problem":            write(500, "application/problem+json", ""),
		"switching protocols":      write(101, "", ""),
		"too large":                write(200, "application/json", `"`+strings.Repeat("secret", maxAnswer/6+1)+`"`),
		"breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"secret"`))
		},
		"reset": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		},
	}
	for name, misbehave := range tests {
		t.Run(name, func(t *testing.T) {
			shop.stand.does(misbehave)
			got := shop.send(t, "POST", "/api/orders", "{}", shop.customer)
			requireProblem(t, got, problem.Unavailable, "POST", "/api/orders")
			assert.Equal(t, "1", got.header.Get("Retry-After"))
			assert.NotContains(t, got.body, "secret")
			assert.NotContains(t, fmt.Sprint(got.header), "secret")
		})
	}
}

func TestASlowServiceIsUnavailable(t *testing.T) {
	shop := newShop(t, []route{{method: "GET", path: "/api/products", app: "product", to: "/products", deadline: 50 * time.Millisecond}})
	shop.stand.does(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	requireProblem(t, shop.send(t, "GET", "/api/products", "", nil), problem.Unavailable, "GET", "/api/products")
}

func TestOrdersMayWaitLongerThanTheyAreHeld(t *testing.T) {
	for _, route := range routes() {
		if route.app == "order" && route.method == "POST" {
			assert.Greater(t, route.deadline, 30*time.Second, route.path)
		}
	}
}

func TestTheServicesAnswerIsPassedOnUntouched(t *testing.T) {
	shop := newShop(t, routes())
	document := `{"type":"/problems/not_found","title":"Not Found","status":404,"code":"not_found","detail":"no such order"}` + "\n"
	shop.stand.does(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(document))
	})
	got := shop.send(t, "GET", "/api/orders/1", "", shop.customer)
	assert.Equal(t, http.StatusNotFound, got.status)
	assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
	assert.Equal(t, document, got.body)

	for _, header := range []http.Header{
		{"Location": {"/api/orders/1"}, "Preference-Applied": {"wait=1"}, "Retry-After": {"7"}},
		{"Location": {"http://127.0.0.1:8104/order?id=1"}, "Server": {"x"}, "Set-Cookie": {"a=b"}, "Dapr-Callee-App-Id": {"order"}},
	} {
		shop.stand.does(func(w http.ResponseWriter, _ *http.Request) {
			for name, values := range header {
				w.Header()[name] = values
			}
			_ = problem.WriteJSON(w, http.StatusAccepted, map[string]string{"id": "1"})
		})
		got := shop.send(t, "POST", "/api/orders", "{}", shop.customer)
		assert.Equal(t, http.StatusAccepted, got.status)
		assert.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
		internal := header.Get("Server") != ""
		for name, values := range header {
			if internal {
				assert.Empty(t, got.header.Values(name), name)
			} else {
				assert.Equal(t, values, got.header.Values(name), name)
			}
		}
	}
}

func TestOnlyOpenReadsMayBeKept(t *testing.T) {
	shop := newShop(t, routes())
	shop.stand.does(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"ok": "yes"})
	})
	assert.Equal(t, "max-age=60", shop.send(t, "GET", "/api/products", "", nil).header.Get("Cache-Control"))
	assert.Equal(t, "no-store", shop.send(t, "GET", "/api/cart", "", shop.customer).header.Get("Cache-Control"))
	assert.Equal(t, "no-store", shop.send(t, "POST", "/api/sessions", "{}", nil).header.Get("Cache-Control"))
}

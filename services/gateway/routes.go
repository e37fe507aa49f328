package main

import (
	"net/http"
	"time"
)

// access says whose request a route takes. Services check again: the gateway's word is not proof.
type access int

const (
	open access = iota
	customer
	admin
)

// route is one public call and the internal call that answers it. A variable of the public
// path becomes the query parameter of the same name: internal paths hold no ids.
type route struct {
	method, path string
	app, to      string
	access       access
	// query are the parameters that the call knows; they are passed on, any other is refused.
	query []string
	// body says that the call takes a JSON body; of other calls none is passed on.
	body bool
	// headers of the request that are passed on beside those of every call.
	headers []string
	// passwords says that the call costs a password hash, so that few of them are let through.
	passwords bool
	// deadline of the whole call; standardDeadline when 0.
	deadline time.Duration
}

const (
	standardDeadline = 10 * time.Second
	// patient is for calls that may hold their answer for 30 s (Prefer: wait).
	patient = 35 * time.Second
	// named stands for the app that the query parameter service names; it is not passed on.
	named = "{service}"
)

// subscribers are the apps that hear events and so may have dead letters.
func subscribers() []string {
	return []string{"cart", "inventory", "notification", "order", "orderquery", "payment", "product"}
}

// routes is the whole public API; contracts/openapi/public.yaml says the same to its users.
func routes() []route {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	return []route{
		{method: post, path: "/api/users", app: "user", to: "/users", body: true, passwords: true},
		{method: get, path: "/api/users/me", app: "user", to: "/users/me", access: customer},
		{method: post, path: "/api/sessions", app: "user", to: "/sessions", body: true, passwords: true},
		{method: post, path: "/api/sessions/refresh", app: "user", to: "/sessions/refresh", body: true},
		{method: del, path: "/api/sessions", app: "user", to: "/sessions", access: customer},
		{method: get, path: "/.well-known/jwks.json", app: "user", to: "/jwks"},

		{method: get, path: "/api/products", app: "product", to: "/products", query: []string{"q", "category", "limit", "cursor"}},
		{method: get, path: "/api/products/{id}", app: "product", to: "/product"},
		{method: post, path: "/api/products", app: "product", to: "/products", access: admin, body: true},
		{method: patch, path: "/api/products/{id}", app: "product", to: "/product", access: admin, body: true},

		{method: get, path: "/api/cart", app: "cart", to: "/cart", access: customer},
		{method: put, path: "/api/cart/items/{productId}", app: "cart", to: "/cart/item", access: customer, body: true},
		{method: del, path: "/api/cart/items/{productId}", app: "cart", to: "/cart/item", access: customer},
		{method: del, path: "/api/cart", app: "cart", to: "/cart", access: customer},

		{method: post, path: "/api/orders", app: "order", to: "/orders", access: customer, body: true, deadline: patient},
		{method: get, path: "/api/orders", app: "orderquery", to: "/orders", access: customer, query: []string{"limit", "cursor"}},
		{method: get, path: "/api/orders/{id}", app: "order", to: "/order", access: customer},
		{method: get, path: "/api/orders/{id}/history", app: "order", to: "/order/history", access: customer},
		{method: post, path: "/api/orders/{id}/cancel", app: "order", to: "/order/cancel", access: customer, deadline: patient},

		{method: get, path: "/api/notifications", app: "notification", to: "/notifications", access: customer, query: []string{"limit", "cursor"}},

		{method: post, path: "/api/inventory/{productId}/receipts", app: "inventory", to: "/stock/receipts", access: admin, body: true},
		{method: get, path: "/api/inventory/{productId}", app: "inventory", to: "/stock", access: admin},

		// The payment provider signs its callbacks (Standard Webhooks); the payment service checks that.
		{method: post, path: "/api/payments/callback", app: "payment", to: "/payments/callback", body: true,
			headers: []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}},

		{method: get, path: "/api/admin/sales", app: "orderquery", to: "/sales", access: admin, query: []string{"day"}},
		{method: get, path: "/api/admin/dead-letters", app: named, to: "/dead-letters", access: admin, query: []string{"service"}},
		{method: post, path: "/api/admin/dead-letters/{id}/replay", app: named, to: "/dead-letters/replay", access: admin, query: []string{"service"}},
	}
}

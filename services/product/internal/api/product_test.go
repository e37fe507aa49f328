package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
)

func TestAProductsLife(t *testing.T) {
	r := start(t, statetest.NewMemory())
	p := r.create(mug)
	require.Equal(t, availability{}, p.Availability)
	require.EqualValues(t, 1, p.Version)
	path := "/product?id=" + p.ID
	require.Equal(t, p, read[product](t, r.call("GET", path, ""), 200))
	require.Equal(t, p, read[product](t, r.call("GET", "/product?id="+strings.ToUpper(p.ID), ""), 200), "ids have no case")

	require.Equal(t, []product{p}, read[page](t, r.call("GET", "/products?q=mug", ""), 200).Items, "its writer finds it at once")

	changed := read[product](t, r.call("PATCH", path, `{"price":{"amount":990,"currency":"EUR"},"name":"Enamel cup"}`), 200)
	require.EqualValues(t, 2, changed.Version)
	require.EqualValues(t, 990, changed.Price.Amount)
	require.Equal(t, p.Description, changed.Description)
	require.Equal(t, []product{changed}, read[page](t, r.call("GET", "/products?q=cup", ""), 200).Items)
	require.Equal(t, changed, read[product](t, r.call("PATCH", path, `{}`), 200))

	retired := read[product](t, r.call("PATCH", path, `{"retired":true}`), 200)
	require.True(t, retired.Retired)
	require.Empty(t, read[page](t, r.call("GET", "/products", ""), 200).Items)
	require.Empty(t, read[page](t, r.call("GET", "/products?q=cup", ""), 200).Items)
	require.Equal(t, retired, read[product](t, r.call("GET", path, ""), 200))

	back := read[product](t, r.call("PATCH", path, `{"retired":false}`), 200)
	require.EqualValues(t, 4, back.Version)
	require.Equal(t, []product{back}, read[page](t, r.call("GET", "/products", ""), 200).Items)

	require.Len(t, r.told, 4)
	for _, e := range r.told {
		contracttest.Event(t, e)
	}
}

func TestIdempotencyKey(t *testing.T) {
	r := start(t, statetest.NewMemory())
	key := []string{"Idempotency-Key", "seed-mug"}
	p := read[product](t, r.call("POST", "/products", mug, key...), 201)
	require.Equal(t, p, read[product](t, r.call("POST", "/products", mug, key...), 200))
	other := strings.Replace(mug, "1450", "1451", 1)
	require.Equal(t, problem.IdempotencyKeyReused, read[problem.Document](t, r.call("POST", "/products", other, key...), 422).Code)
	require.Equal(t, problem.IdempotencyKeyTooLong, read[problem.Document](t, r.call("POST", "/products", mug, "Idempotency-Key", strings.Repeat("k", 256)), 400).Code)
	require.Len(t, read[page](t, r.call("GET", "/products", ""), 200).Items, 1)
	require.Len(t, r.told, 1)
	r.create(mug)
	require.Len(t, read[page](t, r.call("GET", "/products", ""), 200).Items, 2, "without a key it is another one")
}

func TestBadRequests(t *testing.T) {
	r := start(t, statetest.NewMemory())
	p := r.create(mug)
	one, nobody := "/product?id="+p.ID, "/product?id=0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a11"
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		code               problem.Code
		fields             []string
	}{
		"nothing":           {"POST", "/products", `{}`, 422, problem.Invalid, []string{"name", "category", "price.amount", "price.currency"}},
		"no price":          {"POST", "/products", `{"name":"a","category":"b"}`, 422, problem.Invalid, []string{"price.amount", "price.currency"}},
		"broken price":      {"POST", "/products", strings.Replace(mug, "1450", "14.5", 1), 422, problem.Invalid, []string{"price.amount"}},
		"huge price":        {"POST", "/products", strings.Replace(mug, "1450", "99999999999999999999", 1), 422, problem.Invalid, []string{"price.amount"}},
		"price as text":     {"POST", "/products", strings.Replace(mug, "1450", `"1450"`, 1), 422, problem.Invalid, []string{"price.amount"}},
		"unknown field":     {"POST", "/products", strings.Replace(mug, "{", `{"colour":"red",`, 1), 400, problem.UnknownField, []string{"colour"}},
		"malformed":         {"POST", "/products", `{"name":`, 400, problem.MalformedJSON, nil},
		"two values":        {"POST", "/products", mug + mug, 400, problem.MalformedJSON, nil},
		"large":             {"POST", "/products", `{"name":"` + strings.Repeat("a", 1<<20) + `"}`, 413, problem.TooLarge, nil},
		"empty name":        {"PATCH", one, `{"name":""}`, 422, problem.Invalid, []string{"name"}},
		"half a price":      {"PATCH", one, `{"price":{"amount":5}}`, 422, problem.Invalid, []string{"price.currency"}},
		"change of the id":  {"PATCH", one, `{"id":"x"}`, 400, problem.UnknownField, []string{"id"}},
		"unknown product":   {"PATCH", nobody, `{"retired":true}`, 404, problem.NotFound, nil},
		"nobody":            {"GET", nobody, "", 404, problem.NotFound, nil},
		"no id at all":      {"GET", "/product", "", 400, problem.InvalidParameter, []string{"id"}},
		"no uuid":           {"GET", "/product?id=availability-1", "", 404, problem.NotFound, nil},
		"uuid in braces":    {"GET", "/product?id=%7B" + p.ID + "%7D", "", 404, problem.NotFound, nil},
		"limit of none":     {"GET", "/products?limit=0", "", 400, problem.InvalidParameter, []string{"limit"}},
		"limit of too many": {"GET", "/products?limit=101", "", 400, problem.InvalidParameter, []string{"limit"}},
		"limit of words":    {"GET", "/products?limit=ten", "", 400, problem.InvalidParameter, []string{"limit"}},
		"bad cursor":        {"GET", "/products?cursor=zzz", "", 400, problem.InvalidParameter, []string{"cursor"}},
		"bad category":      {"GET", "/products?category=Kitchen", "", 400, problem.InvalidParameter, []string{"category"}},
		"long query":        {"GET", "/products?q=" + strings.Repeat("a", 201), "", 400, problem.InvalidParameter, []string{"q"}},
		"unknown letter":    {"POST", "/dead-letters/replay?id=" + p.ID, "", 404, problem.NotFound, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			doc := read[problem.Document](t, r.call(test.method, test.path, test.body), test.status)
			require.Equal(t, test.code, doc.Code)
			var fields []string
			for _, f := range doc.Fields {
				fields = append(fields, f.Field)
			}
			require.Equal(t, test.fields, fields)
		})
	}
	r.t = t
	require.Equal(t, 415, r.call("POST", "/products", mug, "Content-Type", "text/plain").Code)
	require.Len(t, r.told, 1, "none of them had an effect")
	require.Equal(t, p, read[product](t, r.call("GET", one, ""), 200))
}

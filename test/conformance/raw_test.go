//go:build conformance

package conformance

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// store is a state component as the sidecar's HTTP API shows it.
type store struct{ url string }

func storeOf(c *consumer, component string) store {
	return store{c.sidecar.URL + "/v1.0/state/" + component}
}

func (s store) get(t *testing.T, key string) (status int, document, etag string) {
	t.Helper()
	status, document, header, err := call(http.MethodGet, s.url+"/"+key, "", nil)
	require.NoError(t, err)
	return status, document, header.Get("ETag")
}

// save is a first-write: with an empty ETag it creates. more is added to the request's item.
func (s store) trySave(key, document, etag, more string) (status int, err error) {
	if etag != "" {
		more += fmt.Sprintf(`"etag":%q,`, etag)
	}
	status, _, _, err = call(http.MethodPost, s.url, fmt.Sprintf(`[{"key":%q,"value":%s,%s"options":{"concurrency":"first-write","consistency":"strong"}}]`, key, document, more), nil)
	return status, err
}

func (s store) save(t *testing.T, key, document, etag string) (status int) {
	t.Helper()
	status, err := s.trySave(key, document, etag, "")
	require.NoError(t, err)
	return status
}

func (s store) saveFor(t *testing.T, ttl time.Duration, key, document string) {
	t.Helper()
	status, err := s.trySave(key, document, "", fmt.Sprintf(`"metadata":{"ttlInSeconds":"%.0f"},`, ttl.Seconds()))
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, status)
}

func (s store) delete(t *testing.T, key, etag string) (status int) {
	t.Helper()
	header := http.Header{}
	if etag != "" {
		header.Set("If-Match", etag)
	}
	status, _, _, err := call(http.MethodDelete, s.url+"/"+key+"?"+url.Values{"concurrency": {"first-write"}, "consistency": {"strong"}}.Encode(), "", header)
	require.NoError(t, err)
	return status
}

var plain = &http.Client{Timeout: 10 * time.Second}

func call(method, address, body string, header http.Header) (status int, answer string, got http.Header, err error) {
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for name := range header {
		req.Header.Set(name, header.Get(name))
	}
	res, err := plain.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), res.Header, err
}

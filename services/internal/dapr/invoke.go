package dapr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state"
)

// maxAnswer bounds the body of an answer that is read, in bytes.
const maxAnswer = 16 << 20

// Call is one invocation of another service.
type Call struct {
	App, Method, Path string
	// Header of the request; may be nil.
	Header http.Header
	// In is sent as JSON, nil sends no body. Out receives the JSON answer.
	In, Out any
}

// Invoke calls another service through both sidecars. ctx must carry the deadline.
//
// Errors: a *problem.Error with the callee's own code when it refused (4xx); else
// state.ErrUnavailable, after which the call may have had its effect or not: a status of
// 5xx, no answer, or a success without a body, which a sidecar answers for a dead app.
func (c *Client) Invoke(ctx context.Context, call Call) error {
	var body bytes.Buffer
	if call.In != nil {
		if err := json.NewEncoder(&body).Encode(call.In); err != nil {
			return fmt.Errorf("dapr: encode: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, c.httpBase+call.Path, &body)
	if err != nil {
		return fmt.Errorf("dapr: %w", err)
	}
	if call.Header != nil {
		req.Header = call.Header.Clone()
	}
	if call.In != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	c.Address(req, call.App)
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %s%s: %w", state.ErrUnavailable, call.App, call.Path, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %s%s: %w", state.ErrUnavailable, call.App, call.Path, err)
	}
	if err := failure(res.StatusCode, answer); err != nil {
		return fmt.Errorf("%s%s: %w", call.App, call.Path, err)
	}
	if call.Out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, call.Out); err != nil {
		return fmt.Errorf("%w: %s%s: %w", state.ErrUnavailable, call.App, call.Path, err)
	}
	return nil
}

// Address marks a request to the sidecar's HTTP port as an invocation of app.
func (c *Client) Address(req *http.Request, app string) {
	req.Header.Set("dapr-app-id", app)
	if c.token != "" {
		req.Header.Set("dapr-api-token", c.token)
	}
}

// Base is the URL of the sidecar's HTTP port, for a proxy that uses Address and Transport.
func (c *Client) Base() string { return c.httpBase }

// Transport is the connection pool to the sidecar; it carries the trace along.
func (c *Client) Transport() http.RoundTripper { return c.http.Transport }

func failure(status int, answer []byte) error {
	switch {
	case status >= 200 && status < 300 && len(answer) > 0:
		return nil
	case status >= 400 && status < 500:
		var doc problem.Document
		if json.Unmarshal(answer, &doc) == nil && doc.Code != "" && doc.Status == status {
			return &problem.Error{Code: doc.Code, Detail: doc.Detail, Fields: doc.Fields}
		}
	}
	return errors.Join(state.ErrUnavailable, fmt.Errorf("answered %d with %d bytes", status, len(answer)))
}

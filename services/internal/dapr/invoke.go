package dapr

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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
	maps.Copy(req.Header, call.Header)
	if call.In != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	c.Address(req, call.App)
	if err := c.exchange(req, call.Out); err != nil {
		return fmt.Errorf("%s%s: %w", call.App, call.Path, err)
	}
	return nil
}

func (c *Client) exchange(req *http.Request, out any) error {
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", state.ErrUnavailable, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	var refused problem.Document
	switch status := res.StatusCode; {
	case err != nil:
	case status >= 400 && status < 500 && json.Unmarshal(answer, &refused) == nil && refused.Code != "" && refused.Status == status:
		return &problem.Error{Code: refused.Code, Detail: refused.Detail, Fields: refused.Fields}
	case status < 200 || status > 299 || len(answer) == 0:
		err = fmt.Errorf("answered %d with %d bytes", status, len(answer))
	case out != nil:
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", state.ErrUnavailable, err)
	}
	return err
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

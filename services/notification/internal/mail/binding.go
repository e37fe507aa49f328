package mail

import (
	"context"
	"fmt"

	"github.com/dapr/go-sdk/client"
)

// Component is the output binding that makes the channel e-mail exist.
const Component = "email"

// Binding is the sidecar's output binding for e-mail.
type Binding struct{ SDK client.Client }

// SendMail implements Mailer.
func (b Binding) SendMail(ctx context.Context, body []byte, metadata map[string]string) error {
	return b.SDK.InvokeOutputBinding(ctx, &client.InvokeBindingRequest{Name: Component, Operation: "create", Data: body, Metadata: metadata})
}

// Exists tells whether the sidecar has loaded the binding.
func (b Binding) Exists(ctx context.Context) (bool, error) {
	meta, err := b.SDK.GetMetadata(ctx)
	if err != nil {
		return false, fmt.Errorf("mail: metadata: %w", err)
	}
	for _, component := range meta.RegisteredComponents {
		if component.Name == Component {
			return true, nil
		}
	}
	return false, nil
}

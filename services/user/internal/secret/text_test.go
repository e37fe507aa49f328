package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/user/internal/secret"
)

func TestASecretIsNotPrinted(t *testing.T) {
	text := secret.Text("correct horse")
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("signed in", "password", text)
	fmt.Fprintf(&out, "%s %v %+v %#v", text, text, struct{ Password secret.Text }{text}, text)
	require.NotContains(t, out.String(), "horse")

	raw, err := json.Marshal(text)
	require.NoError(t, err)
	require.Equal(t, `"correct horse"`, string(raw))
	require.Equal(t, "correct horse", text.Reveal())
}

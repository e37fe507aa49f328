package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func script(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll("tools/engines", 0o700))
	require.NoError(t, os.WriteFile(filepath.Join("tools/engines", name+".sh"), []byte("#!/bin/sh\n"+text), 0o700))
}

func TestUpWritesDownWhatTheEnginesSay(t *testing.T) {
	inCheckout(t)
	script(t, "a", `[ "$1" = up ] && echo a-url=x://y?z=1`)
	script(t, "b", `echo "b: something" >&2; echo b-user=u; echo b-password=p`)
	require.NoError(t, Engines{"a", "b"}.Up(t.Context()))
	text, err := os.ReadFile(filepath.Join(Folder, "engines.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"a-url": "x://y?z=1", "b-user": "u", "b-password": "p"}`, string(text))
	info, err := os.Stat(filepath.Join(Folder, "engines.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	script(t, "b", `echo "Installing b" >&2; echo "b: not here: get it" >&2; exit 1`)
	require.EqualError(t, Engines{"a", "b"}.Up(t.Context()), "b: not here: get it")
	script(t, "b", `exit 1`)
	require.Error(t, Engines{"a", "b"}.Up(t.Context()))
}

func TestFatalIsTheSidecarsLastWord(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	require.Empty(t, Fatal(log))
	require.NoError(t, os.WriteFile(log, []byte(`time="x" level=info msg="fine"
time="x" level=fatal msg="Fatal error from runtime: a (b/v1): initialization error occurred for a (b/v1): [X]: initialization error occurred for a (b/v1): no \"host\"\nat all" app_id=cart
`), 0o600))
	require.Equal(t, `a (b/v1): no "host" at all`, Fatal(log))
}

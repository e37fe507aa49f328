package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// FindTools asks tools/install.sh, which builds what is missing and says so on stderr.
func FindTools(ctx context.Context) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "tools/install.sh")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tools/install.sh: %w", err)
	}
	tools := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			tools[name] = value
		}
	}
	return tools, nil
}

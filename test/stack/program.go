package stack

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Program runs one of the programs under test/ against the stack, such as "audit", "seed", "load"
// or "demo", and answers all it printed; an error when it does not exit 0.
func (s *Stack) Program(ctx context.Context, name string, args ...string) (output string, err error) {
	program := filepath.Join(s.bin, name)
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, "./test/"+name)
	build.Dir = s.manifest.Root
	if out, err := build.CombinedOutput(); err != nil {
		return string(out), fmt.Errorf("go build ./test/%s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.manifest.Root
	cmd.Env = environment(map[string]string{
		"GATEWAY_URL": s.GatewayURL(), "ADMIN_EMAIL": s.Secret("admin-email"), "ADMIN_PASSWORD": s.Secret("admin-password"),
	})
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return string(out), err
}

package stack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

// build compiles the services into a folder that is kept, where go finds what is up to date
// already, and answers that folder. Several test programs may call it at once.
func build(ctx context.Context, m *manifest.Manifest) (string, error) {
	bin := filepath.Join(m.Root, "bin", "stack")
	args := []string{"build", "-buildvcs=false"}
	if race {
		bin += "-race"
		args = append(args, "-race")
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(bin, ".lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return "", err
	}
	defer lock.Close() // and with it goes the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	args = append(args, "-o", bin+string(filepath.Separator))
	for _, app := range m.Apps {
		args = append(args, "./"+filepath.ToSlash(filepath.Clean(app.Dir)))
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = m.Root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
}

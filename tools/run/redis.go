package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// redisServer is the one that this run has started, without cmd when there was one already.
type redisServer struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// nobodyAnswers is the exit code of `tools/redis.sh check` when a Redis has to be started.
const nobodyAnswers = 3

// redisLimit leaves room for installing it.
const redisLimit = 3 * time.Minute

func startRedis(ctx context.Context) (*redisServer, error) {
	err := checkRedis(ctx)
	var exit *exec.ExitError
	if err == nil {
		return &redisServer{}, nil
	}
	if !errors.As(err, &exit) || exit.ExitCode() != nobodyAnswers {
		return nil, fmt.Errorf("tools/redis.sh: %w", err)
	}
	r := &redisServer{cmd: exec.Command("tools/redis.sh", "serve"), ended: make(chan struct{})}
	r.cmd.Stderr = os.Stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the services go first when Ctrl-C is pressed
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.ended)
	}()
	if err := r.waitUp(ctx); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *redisServer) waitUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for checkRedis(ctx, "quiet") != nil {
		select {
		case <-r.ended:
			return errors.New("redis-server ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("waiting for Redis: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func checkRedis(ctx context.Context, how ...string) error {
	cmd := exec.CommandContext(ctx, "tools/redis.sh", append([]string{"check"}, how...)...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

func (r *redisServer) stop() error {
	if r.cmd == nil {
		return nil
	}
	if left := terminate([]int{r.cmd.Process.Pid}, 10*time.Second); len(left) > 0 {
		return fmt.Errorf("%w: redis-server %d", errLeftover, left[0])
	}
	return nil
}

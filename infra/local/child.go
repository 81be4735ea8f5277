package local

import (
	"context"
	"os/exec"
	"syscall"
	"time"
)

const interruptTime = 10 * time.Second // for a program to clean up after itself

// Child prepares a program that ends with this process, however that ends. If ctx ends, the program is interrupted,
// with all that it has started, and killed 10 seconds later. It is in a process group of its own: what is typed at the
// terminal reaches this process alone, which thus knows before its programs do that it was interrupted.
func Child(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = endsWithParent()
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = interruptTime
	return cmd
}

// endGroup kills what a child that has ended has left in its process group.
func endGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have left nothing
	}
}

//go:build !linux

package local

import "syscall"

// endsWithParent asks for nothing: only Linux ends a program with its parent.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

package local

import "syscall"

// endsWithParent has the kernel kill a program when its parent has been killed.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

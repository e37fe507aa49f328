package main

import "syscall"

// attributes make the kernel kill the child when its parent dies, however that happens, and keep a
// terminal's Ctrl-C from reaching it before the parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

//go:build !linux

package main

import "syscall"

// attributes: elsewhere there is no parent-death signal; the child stays in the terminal's group.
func attributes() *syscall.SysProcAttr { return nil }

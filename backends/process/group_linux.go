package process

import "syscall"

// endWithParent has the kernel end the program with the thread that started it, without the moment that a watchdog takes
// to start. child.start keeps that thread.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }

//go:build !unix || solaris || aix

package adaptive

import (
	"errors"
	"os"
	"runtime"
)

func lockable() error { return errors.New("not on " + runtime.GOOS) }

func tryLock(string) (*os.File, bool, error) { return nil, false, lockable() }
